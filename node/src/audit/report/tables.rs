//! The numbers of a report as rows.

use super::data::Report;

/// A table: its name, its columns, and its rows.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
}

/// Every table of a report.
pub(super) fn all(report: &Report) -> Vec<Table> {
    vec![
        about(report),
        keys(report),
        sums(report),
        charges(report),
        hours(report),
        handouts(report),
        cuts(report),
        suspense(report),
        events(report),
        settlements(report),
        finality(report),
        checkpoints(report),
        people(report),
        sharing(report),
        findings(report),
        unchecked(report),
    ]
}

/// What the report was made from. Its options are one field each.
pub(super) fn about(report: &Report) -> Table {
    let about = &report.about;
    let mut rows = vec![
        ("file", about.file.clone()),
        ("bytes", about.bytes.to_string()),
        ("digest", about.digest.clone().unwrap_or_default()),
        ("as of", report.as_of.clone().unwrap_or_default()),
        ("zone", report.zone.clone()),
        ("program", about.program.clone()),
    ];
    rows.extend(about.options.iter().map(|option| ("option", option.clone())));
    let rows = rows.into_iter().map(|(what, value)| vec![what.to_owned(), value]).collect();
    Table { name: "about", columns: vec!["what", "value"], rows }
}

/// By whose keys everything was checked.
fn keys(report: &Report) -> Table {
    let rows = report.keys.iter().map(|(org, key)| vec![org.clone(), key.clone()]);
    Table { name: "keys", columns: vec!["organisation", "key"], rows: rows.collect() }
}

pub(super) fn sums(report: &Report) -> Table {
    let rows = report.sums.iter().map(|line| {
        vec![
            line.programme.clone(),
            line.cycle.to_string(),
            line.commodity.clone(),
            line.budget.clone(),
            line.lots.clone(),
            line.in_flight.clone(),
            line.redeemed.clone(),
            line.refunded.clone(),
        ]
    });
    Table {
        name: "sums",
        columns: vec![
            "programme",
            "cycle",
            "commodity",
            "budget",
            "lots",
            "in_flight",
            "redeemed",
            "refunded",
        ],
        rows: rows.collect(),
    }
}

pub(super) fn charges(report: &Report) -> Table {
    let rows = report.sums.iter().flat_map(|line| {
        line.charged.iter().map(|owed| {
            vec![
                line.programme.clone(),
                line.cycle.to_string(),
                line.commodity.clone(),
                owed.org.clone(),
                owed.site.clone(),
                owed.amount.clone(),
                owed.reason.to_owned(),
            ]
        })
    });
    Table {
        name: "charges",
        columns: vec![
            "programme",
            "cycle",
            "commodity",
            "organisation",
            "site",
            "amount",
            "reason",
        ],
        rows: rows.collect(),
    }
}

pub(super) fn hours(report: &Report) -> Table {
    let rows = report.hours.iter();
    let rows = rows.map(|hour| vec![hour.site.clone(), hour.when.clone(), hour.families.text()]);
    Table { name: "hours", columns: vec!["site", "hour", "families"], rows: rows.collect() }
}

pub(super) fn handouts(report: &Report) -> Table {
    let rows = report.handouts.iter().map(|handout| {
        let hidden = handout.redemptions.shown().is_none();
        let share = super::plot::percent(handout.float_share);
        vec![
            handout.programme.clone(),
            handout.commodity.clone(),
            handout.site.clone(),
            handout.net.clone(),
            handout.float.clone(),
            if hidden { "hidden".to_owned() } else { share },
            handout.redemptions.text(),
        ]
    });
    Table {
        name: "handouts",
        columns: vec![
            "programme",
            "commodity",
            "site",
            "handed_out",
            "from_float",
            "float_share",
            "redemptions",
        ],
        rows: rows.collect(),
    }
}

pub(super) fn cuts(report: &Report) -> Table {
    let rows = report.cuts.iter().map(|cut| {
        vec![
            cut.site.clone(),
            cut.feed.clone(),
            cut.by.clone(),
            cut.after.clone(),
            cut.reason.to_owned(),
            if cut.counts { "counts" } else { "does not count" }.to_owned(),
            cut.index.map_or_else(|| "not known".to_owned(), |index| index.to_string()),
            cut.good.to_string(),
            cut.tainted.to_string(),
            cut.after_end.to_string(),
        ]
    });
    Table {
        name: "cuts",
        columns: vec![
            "site",
            "feed",
            "by",
            "after",
            "reason",
            "standing",
            "tainted_from_entry",
            "good_entries",
            "tainted_entries",
            "after_its_end",
        ],
        rows: rows.collect(),
    }
}

pub(super) fn suspense(report: &Report) -> Table {
    let rows = report.suspense.iter().map(|held| {
        vec![
            held.site.clone(),
            held.programme.clone(),
            held.cycle.to_string(),
            held.commodity.clone(),
            held.amount.clone(),
            if held.exact { "exact" } else { "at most" }.to_owned(),
            held.lots.clone(),
            held.in_flight.clone(),
            held.released.clone(),
            held.why.to_owned(),
        ]
    });
    Table {
        name: "suspense",
        columns: vec![
            "site",
            "programme",
            "cycle",
            "commodity",
            "suspense",
            "known",
            "lots",
            "in_flight",
            "released",
            "because",
        ],
        rows: rows.collect(),
    }
}

pub(super) fn events(report: &Report) -> Table {
    let rows = report.events.iter();
    let rows =
        rows.map(|event| vec![event.kind.to_owned(), event.place.clone(), event.what.clone()]);
    Table { name: "events", columns: vec!["kind", "place", "what"], rows: rows.collect() }
}

pub(super) fn settlements(report: &Report) -> Table {
    let rows = report.settlements.iter().map(|line| {
        let entitled = if line.entitled { "yes" } else { "no" };
        vec![
            line.site.clone(),
            line.draft.clone(),
            line.programme.clone(),
            line.rows.to_string(),
            line.totals.join("; "),
            line.stage.clone(),
            line.steps.join("; "),
            entitled.to_owned(),
            line.compared.clone(),
        ]
    });
    Table {
        name: "settlements",
        columns: vec![
            "treasury",
            "draft",
            "programme",
            "rows",
            "totals",
            "stage",
            "steps",
            "all_entitled",
            "compared",
        ],
        rows: rows.collect(),
    }
}

pub(super) fn finality(report: &Report) -> Table {
    let rows = report.finality.iter().map(|line| {
        let counts = [line.all, line.settled, line.certified, line.seen, line.accepted];
        let counts = counts.iter().map(ToString::to_string);
        std::iter::once(line.programme.clone()).chain(counts).collect()
    });
    Table {
        name: "finality",
        columns: vec!["programme", "hand-outs", "settled", "certified", "seen", "accepted"],
        rows: rows.collect(),
    }
}

pub(super) fn checkpoints(report: &Report) -> Table {
    let rows = report.checkpoints.iter().map(|signed| {
        let certified = if signed.certified { "certified" } else { "not certified" };
        vec![
            signed.checkpoint.clone(),
            signed.when.clone(),
            format!("{} of {}: {certified}", signed.organisations, signed.quorum),
            signed.keys.join("; "),
            signed.state.clone(),
            signed.wrong.clone().unwrap_or_default(),
        ]
    });
    Table {
        name: "checkpoints",
        columns: vec!["checkpoint", "made", "organisations", "signed_by", "state", "wrong"],
        rows: rows.collect(),
    }
}

pub(super) fn people(report: &Report) -> Table {
    let rows = report.people.iter().map(|line| {
        let counts = line.counts.iter().map(|count| count.text());
        let site = std::iter::once(line.site.clone());
        site.chain(counts).chain([line.unfounded.join("; ")]).collect()
    });
    Table {
        name: "people",
        columns: vec![
            "site",
            "consents",
            "taken_back",
            "disclosed",
            "erased",
            "erasures_followed",
            "complaints",
            "decided",
            "disclosed_without_consent",
        ],
        rows: rows.collect(),
    }
}

pub(super) fn sharing(report: &Report) -> Table {
    let rows = report.sharing.iter().map(|line| {
        vec![line.from.clone(), line.to.clone(), line.purpose.clone(), line.times.text()]
    });
    Table { name: "sharing", columns: vec!["from", "to", "purpose", "times"], rows: rows.collect() }
}

pub(super) fn findings(report: &Report) -> Table {
    let rows = report.findings.iter().map(|found| vec![found.place.clone(), found.what.clone()]);
    Table { name: "findings", columns: vec!["place", "what"], rows: rows.collect() }
}

pub(super) fn unchecked(report: &Report) -> Table {
    let rows = report.unchecked.iter().map(|found| vec![found.place.clone(), found.what.clone()]);
    Table { name: "unchecked", columns: vec!["place", "what"], rows: rows.collect() }
}

/// The tables one after the other; every line begins with the name of its table, and each table with its columns.
pub(super) fn csv(report: &Report) -> String {
    let mut out = String::new();
    for table in all(report) {
        let columns: Vec<String> = table.columns.iter().map(ToString::to_string).collect();
        for row in std::iter::once(&columns).chain(&table.rows) {
            out.push_str(table.name);
            for field in row {
                out.push(',');
                out.push_str(&quoted(field));
            }
            out.push_str("\r\n");
        }
    }
    out
}

/// A field as RFC 4180 has it. A name that a spreadsheet would take for a formula is kept from being one.
fn quoted(field: &str) -> String {
    let number = field.parse::<f64>().is_ok();
    let formula = !number && field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let field = if formula { format!("'{field}") } else { field.to_owned() };
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field
    }
}
