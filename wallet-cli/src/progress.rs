//! Progress of anything over a second: on a terminal, with rate and time left.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::screen::Screen;

/// A bar that appears once its work has taken a second.
pub(crate) struct Bar {
    what: &'static str,
    draws: bool,
    began: Instant,
    bar: Option<ProgressBar>,
}

impl Bar {
    /// Begins.
    pub(crate) fn new(screen: &Screen, what: &'static str) -> Self {
        Self { what, draws: screen.draws(), began: Instant::now(), bar: None }
    }

    /// Names the next part of the work; the bar begins anew.
    pub(crate) fn part(&mut self, what: &'static str) {
        if what != self.what {
            self.what = what;
            self.began = Instant::now();
            self.finish();
        }
    }

    /// So much is done, of so much.
    pub(crate) fn set(&mut self, done: u64, total: u64) {
        if !self.draws || (self.bar.is_none() && self.began.elapsed() < Duration::from_secs(1)) {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let style = "{msg} {wide_bar} {percent}% {per_sec}, {eta} left";
            let style = ProgressStyle::with_template(style);
            let bar =
                ProgressBar::new(total).with_message(self.what).with_elapsed(self.began.elapsed());
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        bar.set_length(total.max(done));
        bar.set_position(done);
    }

    fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.finish();
    }
}
