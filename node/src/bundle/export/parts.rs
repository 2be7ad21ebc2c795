//! The parts of a bundle being written: one at a time, each with all sections, named once all of them are whole.

use super::*;

/// The parts being written: one at a time, each with all sections.
pub(super) struct Parts<'a> {
    /// Where they go, or nowhere.
    folder: Option<&'a Path>,
    sender: &'a Sender<'a>,
    plan: &'a [Plan],
    preamble: &'a Preamble,
    part_bytes: u64,
    open: Part<'a, io::BufWriter<Sink>>,
    /// Which section is being written.
    section: usize,
    feed: Option<FeedId>,
    /// Whether anything but preambles stands in the open part.
    filled: bool,
    /// How many parts were begun.
    begun: usize,
    temporary: Vec<Temporary>,
    pub(super) report: Exported,
}

/// A file that is removed unless it has taken its name.
struct Temporary(PathBuf, #[expect(dead_code, reason = "held until it is dropped")] File);

impl Drop for Temporary {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

impl<'a> Parts<'a> {
    pub(super) fn begin(
        folder: Option<&'a Path>,
        sender: &'a Sender<'a>,
        plan: &'a [Plan],
        preamble: &'a Preamble,
        part_bytes: u64,
    ) -> Result<Self, ExportFault> {
        let bundle: [u8; 16] = random()?;
        let mut temporary = Vec::new();
        let open = open_part(folder, bundle, 1, sender, plan, &mut temporary)?;
        let report = Exported { bundle, ..Exported::default() };
        Ok(Self {
            folder,
            sender,
            plan,
            preamble,
            part_bytes,
            open,
            section: 0,
            feed: None,
            filled: false,
            begun: 1,
            temporary,
            report,
        })
    }

    fn wrote(&self, result: Result<(), WriteFault>) -> Result<(), ExportFault> {
        result.map_err(|fault| broken(self.folder, fault))
    }

    pub(super) fn section(&mut self) -> Result<(), ExportFault> {
        self.feed = None;
        let begun = self.open.section();
        self.wrote(begun)?;
        if self.section == 0 { self.preamble() } else { Ok(()) }
    }

    fn preamble(&mut self) -> Result<(), ExportFault> {
        let Preamble { articles, notices, frontier, outline, forks, pages } = self.preamble;
        let articles = articles.iter().map(|a| Frame::Article(Box::new(a.clone())));
        let notices = notices.iter().map(|n| Frame::Notice(Box::new(n.clone())));
        let forks = forks.iter().map(|p| Frame::ForkProof(Box::new(p.clone())));
        let known = |known: &[Known]| Bounded::new(known.to_vec()).map_err(StoreFault::from);
        for frame in articles.chain(notices) {
            self.within(&frame)?;
        }
        for some in frontier.chunks(FRONTIER_FEEDS) {
            self.within(&Frame::Frontier(known(some)?))?;
        }
        for some in outline.chunks(FRONTIER_FEEDS) {
            self.within(&Frame::Outline(known(some)?))?;
        }
        for frame in forks.chain(pages.iter().cloned()) {
            self.within(&frame)?;
        }
        Ok(())
    }

    pub(super) fn end(&mut self) -> Result<(), ExportFault> {
        let ended = self.open.end();
        self.section += 1;
        self.wrote(ended)
    }

    /// Writes a frame into the open part, whatever its size.
    pub(super) fn within(&mut self, frame: &Frame) -> Result<(), ExportFault> {
        let written = self.open.frame(frame);
        self.wrote(written)
    }

    /// Names the feed that follows.
    pub(super) fn feed(&mut self, feed: &FeedId) -> Result<(), ExportFault> {
        self.feed = Some(*feed);
        self.within(&Frame::Feed(*feed))
    }

    /// Writes a frame of a feed. Evidence stays in its block's part.
    pub(super) fn put(&mut self, frame: &Frame) -> Result<(), ExportFault> {
        if !matches!(frame, Frame::Evidence { .. }) {
            // The body is the largest thing in a frame of a feed, and its length is known without encoding it.
            let bytes = if let Frame::Block(block) = frame { block.body.len() } else { 0 };
            self.whole(bytes as u64)?;
        }
        self.filled = true;
        self.within(frame)
    }

    /// Begins another part where so many bytes would not fit this one.
    pub(super) fn whole(&mut self, bytes: u64) -> Result<(), ExportFault> {
        let room = self.part_bytes.saturating_sub(self.open.size());
        if bytes.saturating_add(2_048) > room && self.filled {
            self.another()?;
        }
        self.filled = true;
        Ok(())
    }

    fn another(&mut self) -> Result<(), ExportFault> {
        let (section, feed) = (self.section, self.feed);
        self.end()?;
        while self.section < self.plan.len() {
            self.section()?;
            self.end()?;
        }
        let number = u16::try_from(self.begun + 1).map_err(|_| ExportFault::TooMany)?;
        let (bundle, plan) = (self.report.bundle, self.plan);
        let next = open_part(self.folder, bundle, number, self.sender, plan, &mut self.temporary)?;
        self.begun += 1;
        let full = std::mem::replace(&mut self.open, next);
        self.store(full, number - 1)?;
        self.section = 0;
        self.filled = false;
        while self.section < section {
            self.section()?;
            self.end()?;
        }
        self.section()?;
        if let Some(feed) = feed {
            self.feed(&feed)?;
        }
        Ok(())
    }

    fn store(
        &mut self,
        part: Part<'a, io::BufWriter<Sink>>,
        number: u16,
    ) -> Result<(), ExportFault> {
        let bytes = ended(part, self.folder, number)?;
        self.report.bytes += bytes;
        Ok(())
    }

    /// Gives every part the number of parts and its name, the last one last.
    pub(super) fn finish(mut self) -> Result<Exported, ExportFault> {
        let count = u16::try_from(self.begun).map_err(|_| ExportFault::TooMany)?;
        let Self { folder, open, temporary, ref mut report, .. } = self;
        report.bytes += ended(open, folder, count)?;
        let Some(folder) = folder else {
            report.parts = self.begun;
            return Ok(self.report);
        };
        let at = |fault| ExportFault::from(DiskFault::io("write", folder, fault));
        for temporary in &temporary {
            let mut file =
                fs::OpenOptions::new().read(true).write(true).open(&temporary.0).map_err(at)?;
            match parts_in(&mut file, count) {
                Ok(()) => {}
                Err(Broken::Io(fault)) => return Err(at(fault)),
                Err(Broken::Part(fault)) => return Err(fault.into()),
            }
            file.sync_all().map_err(at)?;
        }
        for (i, temporary) in temporary.iter().enumerate() {
            let name = file_name(&report.bundle, i + 1);
            let path = folder.join(name);
            if let Err(fault) = fs::rename(&temporary.0, &path) {
                report.files.iter().for_each(|file| drop(fs::remove_file(file)));
                return Err(at(fault));
            }
            report.files.push(path);
        }
        report.parts = report.files.len();
        atomic::sync_folder(Some(folder)).map_err(at)?;
        Ok(self.report)
    }
}

/// What a part is called: nobody's name.
fn file_name(bundle: &[u8; 16], part: usize) -> String {
    format!("annona-{}-{part:03}.{ENDING}", hex(&bundle[..8]))
}

/// Ends a part, durable where it is a file; says how long it is.
fn ended(
    part: Part<'_, io::BufWriter<Sink>>,
    folder: Option<&Path>,
    number: u16,
) -> Result<u64, ExportFault> {
    let at =
        |fault| ExportFault::from(DiskFault::io("write", folder.unwrap_or(Path::new("")), fault));
    let out = part.finish(number).map_err(|fault| broken(folder, fault))?;
    let sink = out.into_inner().map_err(|fault| at(fault.into_error()))?;
    sink.sync().and_then(|()| sink.len()).map_err(at)
}

fn open_part<'a>(
    folder: Option<&Path>,
    bundle: [u8; 16],
    number: u16,
    sender: &'a Sender<'a>,
    plan: &'a [Plan],
    temporary: &mut Vec<Temporary>,
) -> Result<Part<'a, io::BufWriter<Sink>>, ExportFault> {
    let begin = |sink: Sink| {
        Part::begin(io::BufWriter::new(sink), bundle, number, sender, plan, &mut random)
            .map_err(|fault| broken(folder, fault))
    };
    let Some(folder) = folder else { return begin(Sink::nothing()) };
    if number == 1 {
        let ending = format!(".{ENDING}.part");
        atomic::sweep_parts(folder, |name| name.starts_with(".annona-") && name.ends_with(&ending));
    }
    let path = folder.join(format!(".{}.part", file_name(&bundle, usize::from(number))));
    let (file, held) = atomic::part(&path).map_err(|fault| DiskFault::io("write", &path, fault))?;
    temporary.push(Temporary(path, held));
    begin(Sink::File(file))
}

fn broken(folder: Option<&Path>, fault: WriteFault) -> ExportFault {
    match fault {
        WriteFault::Io(fault) => {
            DiskFault::io("write", folder.unwrap_or(Path::new("")), fault).into()
        }
        WriteFault::Seal(fault) => fault.into(),
        WriteFault::Frame(fault) => fault.into(),
        WriteFault::Recipient => ExportFault::Recipient { node: [0; 8], why: NoReader::SealingKey },
        WriteFault::TooMany => ExportFault::TooMany,
    }
}
