use annona_ledger::audit::{Options, govern};

use super::data::{Count, hide};
use super::*;
use crate::audit::AuditFile;
use crate::audit::tests::{Case, camp};

fn report() -> (Verdict, Labels) {
    let case = Case::of(&camp(3, 20, 400));
    let verdict = case.audit(&case.bytes);
    let file = AuditFile::open(&case.path()).expect("opens");
    let governed = govern(&file, &Options::default());
    (verdict, Labels::of(governed.ground().expect("a charter")))
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
    let (verdict, labels) = report();
    for (lang, attributes) in [
        ("en", "lang=\"en\" dir=\"ltr\""),
        ("fr-FR", "lang=\"fr\" dir=\"ltr\""),
        ("ar", "lang=\"ar\" dir=\"rtl\""),
        ("xx", "lang=\"en\" dir=\"ltr\""),
    ] {
        let page = html(&verdict, &[], &labels, lang);
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
    let (verdict, labels) = report();
    let json = json(&verdict, &[], &labels);
    assert_eq!(json["good"], true);
    assert_eq!(json["checks"]["entries"], verdict.entries);
    let csv = csv(&verdict, &[], &labels);
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
fn names_from_a_charter_are_text_and_nothing_else() {
    let (verdict, _) = report();
    let federation = "<script>alert('1')</script>\"&".to_owned();
    let mut labels = Labels::default();
    labels.federation = federation;
    let page = html(&verdict, &[], &labels, "en");
    assert!(!page.contains("<script"));
    assert!(page.contains("&lt;script&gt;"));
}
