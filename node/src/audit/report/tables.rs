//! The numbers of a report as rows.

use super::data::Report;

/// A table: its name, its columns, and its rows.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
}

/// Every table of a report: sums, charges, hours, handouts, findings, unchecked.
pub(super) fn all(report: &Report) -> Vec<Table> {
    vec![
        sums(report),
        charges(report),
        hours(report),
        handouts(report),
        findings(report),
        unchecked(report),
    ]
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
