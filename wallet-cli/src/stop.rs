//! Ctrl-C. A command that works for long looks at a flag and stops at a safe place; any other is ended at once, which
//! is safe as well: what was answered is on the disk, and what was not never was.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::fault::{Exit, Fault, Outcome};
use crate::screen::Screen;

static ASKED: AtomicBool = AtomicBool::new(false);
static AT_WORK: AtomicUsize = AtomicUsize::new(0);

/// Long work that looks at the flag. While one exists the first Ctrl-C only sets it; the second ends the program.
pub(crate) struct LongWork(());

impl LongWork {
    /// Begins.
    pub(crate) fn begin() -> Self {
        AT_WORK.fetch_add(1, Ordering::SeqCst);
        Self(())
    }

    /// The flag, for those who look at it themselves.
    #[expect(clippy::unused_self, reason = "only who began long work may rely on the flag")]
    pub(crate) fn flag(&self) -> &'static AtomicBool {
        &ASKED
    }

    /// Goes on, or stops here.
    ///
    /// # Errors
    ///
    /// [`Exit::Interrupted`] once the person has asked to stop.
    pub(crate) fn check(&self) -> Outcome {
        if self.flag().load(Ordering::Relaxed) { Err(Fault::interrupted()) } else { Ok(()) }
    }
}

impl Drop for LongWork {
    fn drop(&mut self) {
        AT_WORK.fetch_sub(1, Ordering::SeqCst);
    }
}

static WRITING: AtomicUsize = AtomicUsize::new(0);

static OF_PEOPLE: AtomicBool = AtomicBool::new(false);

/// Something is being written that moves value, and its answer is not out yet. The first Ctrl-C waits for the answer:
/// somebody is charged by it, and would be again if it were asked for again.
pub(crate) struct Writing(LongWork);

impl Writing {
    /// Begins.
    pub(crate) fn begin() -> Self {
        WRITING.fetch_add(1, Ordering::SeqCst);
        Self(LongWork::begin())
    }

    /// As [`Writing::begin`], of a family: the same command said again goes on with it.
    pub(crate) fn of_people() -> Self {
        OF_PEOPLE.store(true, Ordering::SeqCst);
        Self::begin()
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        WRITING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Listens for Ctrl-C and SIGTERM.
pub(crate) fn listen(screen: Screen) {
    let echo = echo::Saved::now();
    let heard = ctrlc::set_handler(move || {
        let first = !ASKED.swap(true, Ordering::SeqCst);
        if first && AT_WORK.load(Ordering::SeqCst) > 0 {
            anstream::eprintln!("stopping at the next safe place; once more ends it at once");
            return;
        }
        echo.restore();
        let fault = match WRITING.load(Ordering::SeqCst) {
            0 => Fault::interrupted(),
            _ if OF_PEOPLE.load(Ordering::SeqCst) => Fault::interrupted_in_family(),
            _ => Fault::interrupted_in_writing(),
        };
        if screen.json() {
            screen.fault(&fault);
        } else {
            anstream::eprintln!("\n{}", fault.message);
        }
        std::process::exit(Exit::Interrupted as i32);
    });
    if let Err(why) = heard {
        anstream::eprintln!("note: Ctrl-C cannot be caught here ({why}); it is safe all the same");
    }
}

#[cfg(unix)]
mod echo {
    use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

    /// How the terminal was before a prompt turned its echo off.
    pub(super) struct Saved(Option<Termios>);

    impl Saved {
        pub(super) fn now() -> Self {
            Self(tcgetattr(std::io::stdin()).ok())
        }

        pub(super) fn restore(&self) {
            if let Some(before) = &self.0 {
                tcsetattr(std::io::stdin(), OptionalActions::Now, before).unwrap_or(());
            }
        }
    }
}

#[cfg(not(unix))]
mod echo {
    pub(super) struct Saved;

    impl Saved {
        pub(super) fn now() -> Self {
            Self
        }

        pub(super) fn restore(&self) {}
    }
}
