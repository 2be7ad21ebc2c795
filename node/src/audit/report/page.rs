//! The page.

use std::fmt::Write;

use super::data::Report;
use super::tables::{self, Table};
use super::{json, plot};

/// Rows of one table on the page; the rest stands in the JSON and CSV.
const ROWS: usize = 2_000;

/// The words of a page in one language. Findings and reasons are English in every language, and marked so.
struct Words {
    lang: &'static str,
    dir: &'static str,
    title: &'static str,
    good: &'static str,
    as_far: &'static str,
    bad: &'static str,
    shown: &'static str,
    either: &'static str,
    partial: &'static str,
    about: &'static str,
    same: &'static str,
    checked: &'static str,
    how: &'static str,
    keys: &'static str,
    sums: &'static str,
    hours: &'static str,
    handouts: &'static str,
    shares: &'static str,
    charges: &'static str,
    cuts: &'static str,
    suspense: &'static str,
    events: &'static str,
    settlements: &'static str,
    finality: &'static str,
    grades: &'static str,
    checkpoints: &'static str,
    people: &'static str,
    sharing: &'static str,
    failed: &'static str,
    unchecked: &'static str,
    none: &'static str,
    table: &'static str,
    hidden: &'static str,
    counts: [&'static str; 6],
}

const ENGLISH: Words = Words {
    lang: "en",
    dir: "ltr",
    title: "Audit report",
    good: "Everything holds: no hash, signature, quorum or rule failed, and nothing is missing.",
    as_far: "Nothing failed as far as it could be checked; what is missing is listed below.",
    bad: "Something does not hold. It is listed below with its place.",
    shown: "The file is whole and true; something that it shows does not hold. It is listed below, with its place and who has to answer for it.",
    either: "Something does not hold, or the file lacks something: a notice, or the last of a control feed. Ask for the file again before anybody has to answer for what is listed below.",
    partial: "The source was not read to its end: what follows is what it got to.",
    about: "About this report",
    same: "Whoever has the same file, program and options makes the same page. Compare the digest with the one that `annona \
           audit export` printed. The newest time that two sites stamped is the one it is as of.",
    checked: "What was checked",
    how: "Every article against the quorum of its time, every certificate against the charter, every block against its \
          hashes and its node's signature, every entry against the value rules; sums by matching each send with its claim.",
    keys: "By which keys",
    sums: "Sums by programme, cycle and commodity",
    hours: "Families served, by hour and site",
    handouts: "Commodities handed out, by site",
    shares: "Share handed out from float, the family's home being out of reach",
    charges: "What organisations owe, and why",
    cuts: "Feeds that were cut, by whom, and how many entries stand above",
    suspense: "What is held in suspense",
    events: "Ends, releases, closes, new keys, re-issues and doubtful stamps",
    settlements: "Settlements, and how far they have come",
    finality: "How final hand-outs are",
    grades: "Each hand-out is counted once, under the highest grade this source shows: accepted (known from its writer), seen \
             (signed by a witness of another organisation), certified (signed by a quorum), settled (below a close).",
    checkpoints: "Checkpoints: who signed, with which key, and the state made anew",
    people: "What sites said of people, whom nobody can name by it",
    sharing: "What organisations gave each other about people",
    failed: "What failed",
    unchecked: "What could not be checked",
    none: "Nothing.",
    table: "The same as a table",
    hidden: "Counts of families and hand-outs below 10 are hidden, and where a single hidden number could be worked out \
             from a total the next smallest is hidden too. Programme totals are never hidden: they are the audit.",
    counts: ["articles", "notices", "feeds", "blocks", "entries", "signatures"],
};

const FRENCH: Words = Words {
    lang: "fr",
    dir: "ltr",
    title: "Rapport d’audit",
    good: "Tout est valide : aucune empreinte, signature, majorité ou règle n’est en défaut, et rien ne manque.",
    as_far: "Rien n’est en défaut pour autant qu’on ait pu le vérifier ; ce qui manque est indiqué plus bas.",
    bad: "Quelque chose n’est pas valide. La liste ci-dessous dit quoi et où.",
    shown: "Le fichier est complet et exact ; quelque chose qu’il montre n’est pas valide. La liste ci-dessous dit quoi, où et qui doit en répondre.",
    either: "Quelque chose n’est pas valide, ou il manque quelque chose au fichier : un avis, ou la fin d’un flux de contrôle. Redemandez le fichier avant que quiconque ait à répondre de ce qui est indiqué plus bas.",
    partial: "La source n’a pas été lue jusqu’au bout : voici ce qui a pu l’être.",
    about: "À propos de ce rapport",
    same: "Avec le même fichier, le même programme et les mêmes options, on obtient la même page. Comparez l’empreinte avec celle \
           qu’a affichée `annona audit export`. « As of » est l’heure la plus récente que deux sites ont inscrite.",
    checked: "Ce qui a été vérifié",
    how: "Chaque article avec la majorité de son époque, chaque certificat avec la charte, chaque bloc avec ses empreintes et \
          la signature de son nœud, chaque écriture avec les règles ; les sommes en rapprochant envois et réceptions.",
    keys: "Par quelles clés",
    sums: "Sommes par programme, cycle et produit",
    hours: "Familles servies, par heure et par site",
    handouts: "Produits remis, par site",
    shares: "Part remise sur la réserve du site, le site d’origine étant hors d’atteinte",
    charges: "Ce que les organisations doivent, et pourquoi",
    cuts: "Flux coupés, par qui, et combien d’écritures sont au-delà",
    suspense: "Ce qui est tenu en suspens",
    events: "Fins, libérations, clôtures, nouvelles clés, réémissions et horodatages douteux",
    settlements: "Règlements, et où ils en sont",
    finality: "Degré de certitude des remises",
    grades: "Chaque remise est comptée une fois, au plus haut degré que montre cette source : acceptée (connue de son auteur), vue \
             (signée par un témoin d’une autre organisation), certifiée (signée par une majorité), réglée (sous une clôture).",
    checkpoints: "Points de contrôle : qui a signé, avec quelle clé, et l’état recalculé",
    people: "Ce que les sites ont dit de personnes, sans qu’on puisse les nommer",
    sharing: "Ce que les organisations se sont transmis sur des personnes",
    failed: "Ce qui est en défaut",
    unchecked: "Ce qui n’a pas pu être vérifié",
    none: "Rien.",
    table: "Le même en tableau",
    hidden: "Les nombres de familles et de remises inférieurs à 10 sont masqués ; si un seul nombre masqué pouvait être \
             déduit d’un total, le plus petit suivant l’est aussi. Les totaux des programmes ne sont jamais masqués.",
    counts: ["articles", "avis", "flux", "blocs", "écritures", "signatures"],
};

const ARABIC: Words = Words {
    lang: "ar",
    dir: "rtl",
    title: "تقرير التدقيق",
    good: "كل شيء صحيح: لم يفشل أي تجزئة أو توقيع أو نصاب أو قاعدة، ولا شيء ناقص.",
    as_far: "لم يفشل شيء بقدر ما أمكن التحقق منه؛ وما ينقص مذكور أدناه.",
    bad: "هناك ما ليس صحيحًا. وهو مذكور أدناه مع موضعه.",
    shown: "الملف كامل وصحيح، وفيما يبيّنه ما ليس صحيحًا. وهو مذكور أدناه مع موضعه ومن يُسأل عنه.",
    either: "شيء ما غير صحيح، أو ينقص الملفَ شيء: إشعار أو آخر سجل التحكم. اطلب الملف مرة أخرى قبل أن يُسأل أحد عمّا هو مذكور أدناه.",
    partial: "لم يُقرأ المصدر حتى نهايته: ما يلي هو ما أمكن قراءته.",
    about: "عن هذا التقرير",
    same: "من لديه الملف نفسه والبرنامج نفسه والخيارات نفسها يحصل على الصفحة نفسها. قارن البصمة بتلك التي عرضها الأمر `annona audit export`. و«as of» هو أحدث وقت سجّله موقعان.",
    checked: "ما تم التحقق منه",
    how: "كل مادة بنصاب وقتها، وكل شهادة بالميثاق، وكل كتلة بتجزئاتها وتوقيع عقدتها، وكل قيد بقواعد القيمة، والمجاميع بمطابقة كل إرسال باستلامه.",
    keys: "بأي مفاتيح",
    sums: "المجاميع حسب البرنامج والدورة والسلعة",
    hours: "الأسر المخدومة حسب الساعة والموقع",
    handouts: "السلع الموزعة حسب الموقع",
    shares: "الحصة الموزعة من رصيد الموقع لتعذر الوصول إلى موقع الأسرة",
    charges: "ما على المنظمات، ولماذا",
    cuts: "السلاسل المقطوعة، ومن قطعها، وكم قيدًا بعد القطع",
    suspense: "ما هو معلَّق",
    events: "النهايات والإفراجات والإقفالات والمفاتيح الجديدة وإعادات الإصدار والأوقات المشكوك فيها",
    settlements: "التسويات، وإلى أين وصلت",
    finality: "درجة ثبوت عمليات التسليم",
    grades: "تُحسب كل عملية تسليم مرة واحدة بأعلى درجة يُظهرها هذا المصدر: مقبولة (معروفة من كاتبها)، مشاهَدة (وقّعها شاهد من منظمة أخرى)، مصدَّقة (وقّعها نصاب)، مسوّاة (تحت إقفال).",
    checkpoints: "نقاط التحقق: من وقّع وبأي مفتاح، والحالة المعاد حسابها",
    people: "ما سجّلته المواقع عن الأشخاص، دون إمكان معرفة أسمائهم",
    sharing: "ما تبادلته المنظمات عن الأشخاص",
    failed: "ما فشل",
    unchecked: "ما تعذر التحقق منه",
    none: "لا شيء.",
    table: "الأرقام نفسها في جدول",
    hidden: "الأعداد التي تقل عن 10 مخفية، وإذا أمكن استنتاج عدد مخفي واحد من المجموع أُخفي الذي يليه أيضًا. مجاميع البرامج لا تُخفى أبدًا.",
    counts: ["مواد", "إشعارات", "سلاسل", "كتل", "قيود", "توقيعات"],
};

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c1c1c;--paper:#fff;--rule:#bbb;--a:#1f5f8b;--b:#b3541e;--good:#1d6b33;--bad:#a1201c}\
@media (prefers-color-scheme:dark){:root{--ink:#eaeaea;--paper:#161616;--rule:#555;--a:#6fb1de;--b:#e89a63;--good:#7fd197;--bad:#f08a86}}\
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:60rem;margin:2rem auto;padding:0 1rem}\
h1,h2{line-height:1.2}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\
th,td{text-align:start;padding:.2rem .6rem .2rem 0;border-bottom:1px solid var(--rule);vertical-align:top;overflow-wrap:anywhere}\
caption{text-align:start;font-weight:600;padding:.5rem 0 .2rem}.scroll{overflow-x:auto}.good{color:var(--good)}.bad{color:var(--bad)}.verdict{font-size:1.2rem;font-weight:600}code{overflow-wrap:anywhere}\
svg{width:100%;height:auto;font:12px system-ui,sans-serif}svg text{fill:var(--ink)}svg line{stroke:var(--rule)}\
rect.a{fill:var(--a)}rect.b{fill:var(--b)}rect.h{fill:none;stroke:var(--a);stroke-dasharray:2 2}figure{margin:0}\
@media print{:root{--ink:#000;--paper:#fff;--rule:#888;--a:#333;--b:#999;--good:#000;--bad:#000}body{max-width:none;margin:0}\
h2{break-after:avoid}tr,svg{break-inside:avoid}details>*{display:block}}";

/// Makes text safe inside an element or a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The report as one page. `lang` is a language tag: English, French and Arabic are here, anything else is English.
#[must_use]
pub fn html(report: &Report, lang: &str) -> String {
    let words = match lang.split(['-', '_']).next() {
        Some("fr") => &FRENCH,
        Some("ar") => &ARABIC,
        _ => &ENGLISH,
    };
    let mut out = String::new();
    head(&mut out, words, report);
    section(&mut out, words.about);
    let _ = write!(out, "<p>{}</p>", words.same);
    table(&mut out, &tables::about(report), words.about);
    checks(&mut out, words, report);
    section(&mut out, words.sums);
    table(&mut out, &tables::sums(report), words.sums);
    if report.sums.iter().any(|line| !line.charged.is_empty()) {
        table(&mut out, &tables::charges(report), words.charges);
    }
    stopped(&mut out, words, report);
    let drawn = [
        (words.hours, plot::hours(&report.hours, words.hours, words.hidden), tables::hours(report)),
        (
            words.handouts,
            plot::handouts(&report.handouts, words.handouts, words.hidden),
            tables::handouts(report),
        ),
        (
            words.shares,
            plot::shares(&report.handouts, words.shares, words.hidden),
            tables::handouts(report),
        ),
    ];
    for (title, svg, rows) in drawn {
        section(&mut out, title);
        if rows.rows.is_empty() {
            let _ = write!(out, "<p>{}</p>", words.none);
            continue;
        }
        let _ = write!(out, "<figure>{svg}</figure><details><summary>{}</summary>", words.table);
        table(&mut out, &rows, title);
        out.push_str("</details>");
    }
    let _ = write!(out, "<p>{}</p>", words.hidden);
    for (title, rows) in
        [(words.failed, tables::findings(report)), (words.unchecked, tables::unchecked(report))]
    {
        section(&mut out, title);
        if rows.rows.is_empty() {
            let _ = write!(out, "<p>{}</p>", words.none);
        } else {
            out.push_str("<div lang=\"en\" dir=\"ltr\">");
            table(&mut out, &rows, title);
            if report.more > 0 {
                let _ = write!(out, "<p>+ {}</p>", report.more);
            }
            out.push_str("</div>");
        }
    }
    // The numbers travel with the page: a reader can take them out again.
    let numbers = json(report).to_string();
    let numbers = escape(&numbers);
    let _ = write!(
        out,
        "<details><summary>JSON</summary><pre dir=\"ltr\" style=\"white-space:pre-wrap\"><code>{numbers}</code></pre></details>"
    );
    out.push_str("</main></body></html>\n");
    out
}

fn head(out: &mut String, words: &Words, report: &Report) {
    let title = format!("{}: {}", words.title, report.federation);
    let title = escape(&title);
    // The sign and the words say it; the colour only repeats it.
    let (class, sign, verdict) = match (report.good, report.partial) {
        (true, false) => ("good", "✓", words.good),
        (true, true) => ("", "○", words.as_far),
        (false, _) if report.whole.is_none() => ("bad", "?", words.either),
        (false, _) if report.whole == Some(true) && !report.findings.is_empty() => {
            ("bad", "✗", words.shown)
        }
        (false, _) => ("bad", "✗", words.bad),
    };
    let _ = write!(
        out,
        "<!doctype html><html lang=\"{}\" dir=\"{}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <meta name=\"referrer\" content=\"no-referrer\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1><p class=\"verdict {class}\"><span aria-hidden=\"true\">{sign}</span> {verdict}</p>",
        words.lang, words.dir
    );
    if !report.complete {
        let _ = write!(out, "<p class=\"bad\">{}</p>", words.partial);
    }
}

fn checks(out: &mut String, words: &Words, report: &Report) {
    section(out, words.checked);
    let c = &report.checks;
    let counts = [c.articles, c.notices, c.feeds, c.blocks, c.entries, c.signatures];
    let list: Vec<String> =
        words.counts.iter().zip(counts).map(|(word, n)| format!("{n} {word}")).collect();
    let _ = write!(out, "<p>{}. {}</p>", list.join(", "), words.how);
    section(out, words.keys);
    let _ = write!(out, "<p><code>{}</code></p><ul>", report.id);
    for (org, key) in &report.keys {
        let _ = write!(out, "<li>{}: <code dir=\"ltr\">{key}</code></li>", escape(org));
    }
    out.push_str("</ul>");
    if let Some(root) = &report.root {
        let _ = write!(out, "<p>state root <code dir=\"ltr\">{root}</code></p>");
    }
}

/// What failed elsewhere and how it stands, and how final everything is. A section without rows says so.
fn stopped(out: &mut String, words: &Words, report: &Report) {
    let all = [
        (words.finality, tables::finality(report), words.grades),
        (words.checkpoints, tables::checkpoints(report), ""),
        (words.cuts, tables::cuts(report), ""),
        (words.suspense, tables::suspense(report), ""),
        (words.events, tables::events(report), ""),
        (words.settlements, tables::settlements(report), ""),
        (words.people, tables::people(report), words.hidden),
        (words.sharing, tables::sharing(report), ""),
    ];
    for (title, rows, words_before) in all {
        section(out, title);
        if rows.rows.is_empty() {
            let _ = write!(out, "<p>{}</p>", words.none);
            continue;
        }
        if !words_before.is_empty() {
            let _ = write!(out, "<p>{words_before}</p>");
        }
        table(out, &rows, title);
    }
}

fn section(out: &mut String, title: &str) {
    let _ = write!(out, "<h2>{title}</h2>");
}

fn table(out: &mut String, table: &Table, caption: &str) {
    // A wide table scrolls by itself, also with the keyboard; the page never does.
    let caption = escape(caption);
    let _ = write!(
        out,
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{caption}\"><table><caption>{caption}</caption><thead><tr>"
    );
    for column in &table.columns {
        let _ = write!(out, "<th scope=\"col\" lang=\"en\">{}</th>", column.replace('_', " "));
    }
    out.push_str("</tr></thead><tbody>");
    for row in table.rows.iter().take(ROWS) {
        out.push_str("<tr>");
        for field in row {
            let _ = write!(out, "<td dir=\"auto\">{}</td>", escape(field));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
    let left = table.rows.len().saturating_sub(ROWS);
    if left > 0 {
        let _ = write!(out, "<p>+ {left} (JSON, CSV)</p>");
    }
}
