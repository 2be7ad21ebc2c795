//! What burnt is brought, days are closed, and merchants are paid once.

use crate::camp::Camp;
use crate::counter::counter;

/// The hill hands out 2 kg from its allowance that the lake will never read of in a block: `burnt.promise` is what the
/// till was given, and its purse is the first family's.
pub(crate) fn burnt(camp: &Camp) {
    let asked = camp.run("pay charge --family 1 --item Rice=1 --dry-run --json").fine();
    let purses: Vec<String> = serde_json::from_str(&asked.field(0, "purses")).expect("purses");
    camp.run("bundle import part-1.annona").fine();
    let float = format!("pay float --dir hill --purse {} --home lake --item Rice=2", purses[0]);
    let given = camp.run(&format!("{float} --merchant \"Hill store\" --json")).fine();
    camp.write("burnt.promise", given.field(0, "promise"));
}

#[test]
fn what_burnt_is_brought_once_by_its_promise() {
    let camp = counter();
    burnt(&camp);
    let dry = camp.run("pay orphan burnt.promise --dry-run --json").fine();
    assert_eq!((dry.field(0, "dry_run"), dry.field(0, "of")), ("true".into(), "4".into()));
    camp.run("pay orphan burnt.promise").fine();
    camp.run("pay orphan burnt.promise").fails(5, "rejection");
    camp.run("pay orphan noor.receipt").fails(5, "rejection");
    let whole = camp.told("burnt.promise");
    camp.write("damaged.promise", &whole[..whole.len() - 9]);
    camp.run("pay orphan damaged.promise").fails(3, "damaged");
    camp.write("two.promise", format!("{}\n{}", camp.told("burnt.promise"), promise(&camp)));
    camp.run("pay orphan two.promise").fails(3, "different sites");
}

/// The promise of a redemption at the lake.
fn promise(camp: &Camp) -> String {
    camp.run("pay charge --family 1 --item Rice=1 --json").fine().field(0, "promise")
}

#[test]
fn a_day_is_opened_and_closed_with_what_each_merchant_gave() {
    let camp = counter();
    camp.run("pay open-day --dry-run").fine();
    camp.run("pay open-day").fine();
    camp.run("pay open-day").fails(5, "rejection");
    promise(&camp);
    let dry = camp.run("pay close-day --dry-run --json").fine();
    let closed = camp.run("pay close-day --json").fine();
    assert_eq!(dry.field(0, "root"), closed.field(0, "root"));
    let merchants: serde_json::Value =
        serde_json::from_str(&closed.field(0, "merchants")).expect("merchants");
    assert_eq!(merchants[0]["given"], 1_000, "{merchants}");
    camp.run("pay close-day").fails(5, "rejection");
}
