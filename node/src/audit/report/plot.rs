//! Plots by hand: SVG that needs nothing but itself. Every number in one also stands in the table behind it.

use std::fmt::Write;

use super::data::{Handout, Hour};
use super::page::escape;

const WIDTH: u32 = 720;
const LEFT: u32 = 200;
const ROW: u32 = 24;

/// The beginning of a plot: a title and a description for those who do not see it.
fn open(out: &mut String, id: &str, height: u32, title: &str, description: &str) {
    let (title, description) = (escape(title), escape(description));
    let _ = write!(
        out,
        "<svg role=\"img\" viewBox=\"0 0 {WIDTH} {height}\" aria-labelledby=\"{id}-t {id}-d\" direction=\"ltr\">\
         <title id=\"{id}-t\">{title}</title><desc id=\"{id}-d\">{description}</desc>"
    );
}

fn text(out: &mut String, (x, y): (u32, u32), anchor: &str, words: &str) {
    let words = escape(words);
    let _ = write!(out, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{words}</text>");
}

fn scaled(value: u64, most: u64, room: u32) -> u32 {
    let part = u128::from(value) * u128::from(room) / u128::from(most.max(1));
    u32::try_from(part).unwrap_or(room).min(room)
}

/// Families by hour, one strip a site, all on one scale. Where there are more hours than fit, the hours of one column
/// are drawn by the fullest of them.
pub(super) fn hours(hours: &[Hour], title: &str, description: &str) -> String {
    let mut sites: Vec<&str> = hours.iter().map(|hour| hour.site.as_str()).collect();
    sites.dedup();
    let strip = 70;
    let count = u32::try_from(sites.len()).unwrap_or(u32::MAX).min(200);
    let height = count * strip + 40;
    let first = hours.iter().map(|hour| hour.hour).min().unwrap_or(0);
    let last = hours.iter().map(|hour| hour.hour).max().unwrap_or(first);
    let most = hours.iter().filter_map(|hour| hour.families.shown()).max().unwrap_or(1);
    let room = WIDTH - LEFT - 10;
    let span = last.saturating_sub(first).saturating_add(1);
    let columns = span.min(room / 3);
    let width = (room / columns.max(1)).max(3);
    let mut out = String::new();
    open(&mut out, "hours", height, title, description);
    for (row, site) in (0u32..count).zip(&sites) {
        let base = row * strip + strip;
        text(&mut out, (LEFT - 8, base - 4), "end", site);
        let _ = write!(out, "<line x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{base}\" y2=\"{base}\"/>");
        let mut bars: Vec<(u64, bool)> = vec![(0, false); columns as usize];
        for hour in hours.iter().filter(|hour| hour.site == **site) {
            let column = u64::from(hour.hour.saturating_sub(first)) * u64::from(columns);
            let column = usize::try_from(column / u64::from(span)).unwrap_or_default();
            if let Some(bar) = bars.get_mut(column) {
                bar.0 = bar.0.max(hour.families.shown().unwrap_or(0));
                bar.1 |= hour.families.shown().is_none();
            }
        }
        for (column, (families, hidden)) in (0u32..).zip(bars) {
            let x = LEFT + column * width;
            let wide = width.saturating_sub(1).max(2);
            if families > 0 {
                let tall = scaled(families, most, strip - 22).max(1);
                let y = base - tall;
                let _ = write!(
                    out,
                    "<rect class=\"a\" x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{tall}\"/>"
                );
            } else if hidden {
                let y = base - 4;
                let _ = write!(
                    out,
                    "<rect class=\"h\" x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"4\"/>"
                );
            }
        }
    }
    let foot = height - 12;
    if let (Some(from), Some(to)) =
        (hours.iter().min_by_key(|hour| hour.hour), hours.iter().max_by_key(|hour| hour.hour))
    {
        text(&mut out, (LEFT, foot), "start", &from.when);
        text(&mut out, (WIDTH - 4, foot), "end", &to.when);
    }
    text(&mut out, (LEFT - 8, foot), "end", &format!("max {most}"));
    out.push_str("</svg>");
    out
}

/// What each site handed out: a bar a site, each commodity on a scale of its own.
pub(super) fn handouts(handouts: &[Handout], title: &str, description: &str) -> String {
    bars(handouts, "sites", title, description, |out, handout, most, y| {
        let room = WIDTH - LEFT - 130;
        let units = u64::try_from(handout.units.max(0)).unwrap_or(u64::MAX);
        let wide = scaled(units, most, room);
        let _ = write!(
            out,
            "<rect class=\"a\" x=\"{LEFT}\" y=\"{y}\" width=\"{wide}\" height=\"14\"/>"
        );
        text(out, (LEFT + wide + 6, y + 12), "start", &handout.net);
    })
}

/// The share handed out from float, of each site and commodity.
pub(super) fn shares(handouts: &[Handout], title: &str, description: &str) -> String {
    bars(handouts, "shares", title, description, |out, handout, _, y| {
        let room = WIDTH - LEFT - 130;
        let hidden = handout.redemptions.shown().is_none();
        let float = scaled(u64::from(handout.float_share), 1000, room);
        let (class, lots) = (if hidden { "h" } else { "a" }, room - float);
        let x = LEFT + lots;
        let _ = write!(
            out,
            "<rect class=\"{class}\" x=\"{LEFT}\" y=\"{y}\" width=\"{lots}\" height=\"14\"/>\
             <rect class=\"b\" x=\"{x}\" y=\"{y}\" width=\"{float}\" height=\"14\"/>"
        );
        let words = if hidden { "hidden".to_owned() } else { percent(handout.float_share) };
        text(out, (LEFT + room + 6, y + 12), "start", &words);
    })
}

/// Thousandths as per cent.
pub(super) fn percent(thousandths: u32) -> String {
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}

fn bars(
    handouts: &[Handout],
    id: &str,
    title: &str,
    description: &str,
    draw: impl Fn(&mut String, &Handout, u64, u32),
) -> String {
    let of = |handout: &Handout| (handout.programme.clone(), handout.commodity.clone());
    let groups: Vec<&[Handout]> = handouts.chunk_by(|a, b| of(a) == of(b)).collect();
    let rows = u32::try_from(handouts.len() + groups.len()).unwrap_or(u32::MAX).min(2_000);
    let mut out = String::new();
    open(&mut out, id, rows * ROW + 10, title, description);
    let mut y = 4;
    for group in groups {
        let Some(one) = group.first() else { continue };
        text(&mut out, (4, y + 12), "start", &format!("{}: {}", one.programme, one.commodity));
        y += ROW;
        let most = group.iter().map(|handout| handout.units).max().unwrap_or(0);
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        for handout in group {
            text(&mut out, (LEFT - 8, y + 12), "end", &handout.site);
            draw(&mut out, handout, most, y);
            y += ROW;
        }
    }
    out.push_str("</svg>");
    out
}
