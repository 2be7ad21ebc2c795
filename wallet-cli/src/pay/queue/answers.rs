//! The answers of a queue: one by one, in the order of its lines.

use super::*;

/// The side that answers.
pub(super) struct Answerer<'a> {
    pub(super) screen: Screen,
    pub(super) asking: Asking,
    pub(super) open: Arc<AtomicUsize>,
    pub(super) gone: &'a AtomicBool,
    /// Whether the clock was not believed when the queue began, and entries are dated as before.
    pub(super) doubted: bool,
}

impl Answerer<'_> {
    pub(super) fn run(&self, pending: &Receiver<Pending>) -> Outcome<Tally> {
        let mut tally = Tally::default();
        let done = pending.iter().try_for_each(|pending| {
            self.one(pending, &mut tally)?;
            self.open.fetch_sub(1, Ordering::Release);
            Ok(())
        });
        if done.is_err() {
            // What is queued is written all the same; its answers are had by sending the same requests again.
            self.gone.store(true, Ordering::Relaxed);
        }
        done.map(|()| tally)
    }

    fn one(&self, pending: Pending, tally: &mut Tally) -> Outcome {
        let Pending { line, request, state } = pending;
        let (till, waiting, earlier, asked) = match state {
            State::Queued { till, waiting, earlier, asked } => (till, waiting, earlier, asked),
            State::Unread(why) => {
                tally.unread += 1;
                return self.refused(
                    line,
                    request.as_deref(),
                    ("unreadable", None, None),
                    &why,
                    &[],
                );
            }
            State::Refused(why) => {
                tally.refused += 1;
                return self.refused(line, request.as_deref(), ("refused", None, None), &why, &[]);
            }
        };
        match waiting.wait()? {
            Err(refusal) => {
                tally.refused += 1;
                let code = match &refusal {
                    Refusal::Rule(rejection) => Some(rejection.code()),
                    Refusal::Words(_) => None,
                };
                let left = asked.left.get().cloned().unwrap_or_default();
                let short = match &refusal {
                    Refusal::Rule(rule) if short::is(*rule) => {
                        Some(short::of(&till, *rule, &asked.items, &left))
                    }
                    _ => None,
                };
                let slip = match &short {
                    // Something of it is left: it was typed wrong, and nobody is refused.
                    Some(Short::Less(_)) => None,
                    _ => self.heard(&till, &refusal)?,
                };
                let reason = match short {
                    Some(Short::Less(fault) | Short::Nothing(fault)) => fault.message,
                    None => refusal.to_string(),
                };
                let what = ("refused", code, slip);
                self.refused(line, request.as_deref(), what, &reason, &left.0)
            }
            Ok(accepted) => {
                let (promise, mut value) = match (accepted.last(), earlier.get().copied()) {
                    (Some(last), _) => {
                        let promise = till.promise(last)?;
                        let value = till.entry_value(&promise);
                        (promise, value)
                    }
                    (None, Some(earlier)) => {
                        tally.repeated += 1;
                        let till = Arc::clone(&till);
                        self.asking.with(move |node| {
                            let work = node.store().look()?;
                            let (feed, last) = (&earlier.feed, earlier.last());
                            let promise = receipt::promised(&work, till.key(), feed, last)?;
                            drop(work);
                            let value = till.again_value(node.store(), &earlier, &promise);
                            Ok::<_, NodeFault>((promise, value))
                        })??
                    }
                    (None, None) => return Err(Fault::new(Exit::Bug, "an answer without entries")),
                };
                tally.accepted += 1;
                let repeated = accepted.is_empty();
                let grade = till::again(&value, repeated);
                let new = asked.new_merchant.as_deref().filter(|_| !repeated);
                if let Some(fields) = value.as_object_mut() {
                    fields.insert("line".into(), json!(line));
                    fields.insert("request".into(), json!(request));
                    fields.insert("accepted".into(), json!(true));
                    fields.insert("repeated".into(), json!(repeated));
                    fields.insert("items".into(), till.items_value(&asked.items));
                    let paid = asked.paid.get().filter(|_| !repeated);
                    fields.insert("purse".into(), json!(paid.map(|(purse, _)| purse.to_string())));
                    let left = paid.map(|(_, left)| till::left_value(left));
                    fields.insert("left".into(), json!(left));
                    fields.insert("new_merchant".into(), json!(new.is_some()));
                    fields.insert("clock_doubted".into(), json!(self.doubted && !repeated));
                }
                if let Some(name) = new {
                    self.screen.warn(till::new_merchant(name));
                }
                self.screen.answer_now("charge", value, || {
                    let word = if repeated { "accepted before" } else { "accepted" };
                    let request = request.unwrap_or_else(|| "-".into());
                    let (entry, slip) = (till.short(promise.index), slip::promise(&promise));
                    format!("{line}\t{request}\t{word}{grade}\t{entry}\t{slip}")
                })
            }
        }
    }

    /// Says on the ledger that somebody was refused for what her entitlement is.
    /// Gives the number of her slip.
    fn heard(&self, till: &Till, refusal: &Refusal) -> Outcome<Option<SlipId>> {
        let Some(class) = turned::class_of(refusal) else { return Ok(None) };
        let (slip, feed) = (counter::slip()?, FeedId { lane: Lane::Registry, ..till.feed });
        // Written with the group that comes next; nobody waits for it.
        drop(self.asking.queue(feed, counter::refused(slip, class))?);
        Ok(Some(slip))
    }

    fn refused(
        &self,
        line: u64,
        request: Option<&str>,
        (word, code, slip): (&str, Option<u16>, Option<SlipId>),
        reason: &str,
        left: &[Left],
    ) -> Outcome {
        let value = json!({
            "line": line, "request": request, "accepted": false, "answer": word,
            "rejection": code, "reason": reason, "ticket": slip.map(|slip| slip.to_string()),
            "slip": slip.map(|slip| turned::number(&slip)), "left": till::left_value(left),
        });
        self.screen.answer_now("charge", value, || {
            let code = code.map(|code| format!(" {code}")).unwrap_or_default();
            let slip = slip.map(|slip| format!("\t{}", turned::number(&slip))).unwrap_or_default();
            format!("{line}\t{}\t{word}{code}\t{reason}{slip}", request.unwrap_or("-"))
        })
    }
}
