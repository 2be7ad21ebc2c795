use annona_ledger::audit::verdict::Unchecked;
use annona_ledger::audit::{Options, Verdict, govern};
use annona_ledger::id::{FeedRef, Lane, ProgrammeId};

use super::data::{Count, hide};
use super::*;
use crate::audit::labels::Labels;
use crate::audit::tests::{Case, camp};
use crate::audit::{AuditFile, audit};
use crate::config::Zone;

/// The camp is founded at 11:06 UTC and serves from 100 minutes later on, in a zone half an hour from others.
fn made() -> (Verdict, Report) {
    made_of(|_| {})
}

/// As [`made`], of what was found once it is changed.
fn made_of(change: impl FnOnce(&mut Verdict)) -> (Verdict, Report) {
    let case = Case::of(&camp(3, 20, 400));
    let zone = Zone(330);
    std::fs::write(case.path(), &case.bytes).expect("written");
    let file = AuditFile::open(&case.path()).expect("opens");
    let options = Options { utc_offset: zone.0, ..Options::default() };
    let stop = std::sync::atomic::AtomicBool::new(false);
    let mut verdict = audit(&file, &options, 1, &|_| {}, &stop);
    change(&mut verdict);
    let governed = govern(&file, &Options::default());
    let ground = governed.ground().expect("a charter");
    let labels = Labels::of(&ground.charter, &ground.roster, zone);
    let about = About {
        file: "camp.audit".to_owned(),
        bytes: file.bytes(),
        digest: file.said_digest().map(|digest| digest.to_string()),
        program: "1.2.3".to_owned(),
        options: vec!["--utc-offset +05:30".to_owned()],
    };
    let report = Report::of(&verdict, &[], &labels, about);
    (verdict, report)
}

#[test]
fn small_counts_are_hidden_and_never_one_alone() {
    #[track_caller]
    fn check(counts: &[u64], want: &str) {
        let shown: Vec<String> = hide(counts).into_iter().map(Count::text).collect();
        assert_eq!(shown.join(" ").replace("hidden", "x"), want);
    }
    check(&[], "");
    check(&[0, 10, 11], "0 10 11");
    check(&[9, 10, 11], "x x 11");
    check(&[9, 1, 11], "x x 11");
    check(&[0, 3, 50], "0 x x");
    check(&[3], "x");
}

#[test]
fn a_page_stands_by_itself_and_shows_what_its_tables_say() {
    let (_, report) = made();
    for (lang, attributes) in [
        ("en", "lang=\"en\" dir=\"ltr\""),
        ("fr-FR", "lang=\"fr\" dir=\"ltr\""),
        ("ar", "lang=\"ar\" dir=\"rtl\""),
        ("xx", "lang=\"en\" dir=\"ltr\""),
    ] {
        let page = html(&report, lang);
        assert!(page.contains(attributes), "{lang}");
        for loads in ["<script", "<link", "src=", "href=", "url(", "@import", "http:", "https:"] {
            assert!(!page.contains(loads), "{loads} in the {lang} page");
        }
        assert_eq!(page.matches("<svg").count(), 3);
        assert_eq!(page.matches("<desc id=").count(), 3);
        assert_eq!(page.matches("<table>").count(), page.matches("<caption>").count());
        for tag in
            ["svg", "table", "div", "details", "figure", "ul", "main", "tr", "td", "title", "text"]
        {
            let opened = page.matches(&format!("<{tag}>")).count()
                + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
        for org in ["Org 1", "Org 2"] {
            assert!(page.contains(org));
        }
    }
}

#[test]
fn json_and_csv_say_the_same() {
    let (verdict, report) = made();
    let json = json(&report);
    assert_eq!(json["good"], true);
    assert_eq!(json["checks"]["entries"], verdict.entries);
    let csv = csv(&report);
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(csv.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("csv");
    let of = |table: &str| rows.iter().filter(|row| &row[0] == table).count() - 1;
    assert_eq!(of("hours"), json["hours"].as_array().expect("hours").len());
    assert_eq!(of("handouts"), 3);
    assert_eq!(of("sums"), 1);
    let budget = &json["sums"][0]["budget"];
    assert!(rows.iter().any(|row| &row[0] == "sums" && Some(&row[4]) == budget.as_str()));
}

#[test]
fn whose_keys_were_believed_and_what_was_not_checked_stand_in_every_form() {
    let (_, report) = made_of(|verdict| {
        let feed = verdict.unchecked.first().map_or_else(some_feed, |one| one.feed);
        verdict.unchecked = vec![
            Unchecked { feed, headers_only: 7, unfolded: 0, no_certificate: false },
            Unchecked { feed, headers_only: 0, unfolded: 5, no_certificate: false },
            Unchecked { feed, headers_only: 0, unfolded: 0, no_certificate: true },
        ];
        verdict.evidence_not_shown = 3;
    });
    let said = [
        "7 blocks are here as headers only",
        "5 entries stand after something that is missing",
        "its node has no certificate here",
        "that of 3 blocks is not in the file",
    ];
    let (json, csv) = (json(&report), csv(&report));
    let rows = |table: &str| -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new();
        let mut reader = reader.has_headers(false).flexible(true).from_reader(csv.as_bytes());
        let all = reader.records().map(|row| row.expect("csv"));
        let of = all.filter(|row| &row[0] == table).skip(1);
        of.map(|row| row.iter().skip(1).map(str::to_owned).collect()).collect()
    };
    let (told, keys) = (rows("unchecked"), rows("keys"));
    assert_eq!((told.len(), json["unchecked"].as_array().map(Vec::len)), (4, Some(4)));
    assert_eq!(report.keys.len(), 2, "one of each organisation");
    for lang in ["en", "fr", "ar"] {
        let page = html(&report, lang);
        for words in said.iter().copied().chain(report.keys.iter().flat_map(|(o, k)| [&**o, k])) {
            assert!(page.contains(words), "{words} in the {lang} page");
        }
    }
    for (n, words) in said.iter().enumerate() {
        assert!(told[n][1].contains(words), "{told:?}");
        assert!(json["unchecked"][n]["what"].as_str().is_some_and(|what| what.contains(words)));
    }
    for (n, (org, key)) in report.keys.iter().enumerate() {
        assert_eq!(keys[n], [org.clone(), key.clone()]);
        assert_eq!(json["keys"][n], serde_json::json!([org, key]));
    }
}

/// A feed of nobody in the camp.
fn some_feed() -> FeedRef {
    FeedRef { node: [9; 8], lane: Lane::Value, programme: ProgrammeId(1) }
}

#[test]
fn names_from_a_charter_are_text_and_nothing_else() {
    let (_, report) = made();
    let federation = "<script>alert('1')</script>\"&".to_owned();
    let page = html(&Report { federation, ..report }, "en");
    assert!(!page.contains("<script"));
    assert!(page.contains("&lt;script&gt;"));
}

#[test]
fn a_report_is_tied_to_its_file_and_told_by_the_clock_of_its_zone() {
    let (_, report) = made();
    let digest = report.about.digest.clone().expect("the file has an end");
    let (json, csv) = (json(&report), csv(&report));
    assert_eq!(json["about"]["digest"], digest);
    for page in [html(&report, "en"), html(&report, "ar"), csv] {
        for words in
            [&digest, "camp.audit", "1.2.3", "--utc-offset +05:30", "UTC+05:30", "2026-11-18 18:"]
        {
            assert!(page.contains(words), "{words}");
        }
    }
    // 11:06 and 100 minutes are 18:16 half past five hours to the east: in the hour that begins at 18:00 there.
    let hours: Vec<&str> = report.hours.iter().map(|hour| &*hour.when).collect();
    assert!(hours.iter().all(|when| when.ends_with(":00")), "{hours:?}");
    assert_eq!(hours.first(), Some(&"2026-11-18 18:00"));
    assert!(report.as_of.as_ref().is_some_and(|as_of| as_of.starts_with("2026-11-18 18:")));
}
