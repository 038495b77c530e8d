//! The Markdown report of a run: what is running now, phases, what failed, timeline, digests, evidence. What others said is escaped: it is
//! text, never mark-up, HTML or the end of a table's cell.

use super::fold::{Account, Approval, End, PhaseAccount};
use super::places::{plain, report};
use crate::engine::{Ending, ExitCode, Moment, Reading};
use crate::report::progress::{Failure, ServiceView, Stage};
use crate::report::story::target_words;
use crate::report::words::{clock, count, duration, list, short_list};
use crate::report::{cause, close, exit, safe};
use crate::schedule::{PhaseId, ServiceName};
use crate::store::times;
use std::collections::BTreeMap;

/// Columns of blocks of plain text, which are scrolled and not broken.
const WIDTH: usize = 1000;

/// Lines that are told of one failure.
const LINES: usize = 300;

/// Names that are told in one cell.
const NAMES: usize = 8;

/// The whole report.
pub fn markdown(account: &Account) -> String {
    let mut page = Page::default();
    head(account, &mut page);
    phases(account, &mut page);
    failures(account, &mut page);
    if let End::Ended(ending, _) = &account.end {
        what_next(account, ending, &mut page);
    }
    running(account, &mut page);
    gates(account, &mut page);
    timeline(account, &mut page);
    digests(account, &mut page);
    kept(account, &mut page);
    page.0
}

/// A report of at most so many bytes: whole parts are left out at its end, and that is said.
pub fn shortened(report: &str, most: usize) -> String {
    const SAID: &str = "\n## Left out\n\nThe report is too long to be shown whole: `plan show RUN --format markdown` gives all of it.\n";
    if report.len() <= most {
        return report.to_owned();
    }
    let room = most.saturating_sub(SAID.len());
    // Where a part begins: what stands in a block is indented or quoted, and never looks so.
    let end = report.match_indices("\n\n## ").map(|(at, _)| at + 1).take_while(|at| *at <= room).last().unwrap_or(0);
    format!("{}{SAID}", &report[..end])
}

/// Markdown that is being written.
#[derive(Default)]
struct Page(String);

impl Page {
    fn block(&mut self, markdown: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(markdown);
        self.0.push('\n');
    }

    fn heading(&mut self, words: &str) {
        self.block(&format!("## {words}"));
    }

    /// A table of cells that are Markdown already.
    fn table(&mut self, head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        let mut table = format!("| {} |\n|{}", head.join(" | "), " --- |".repeat(head.len()));
        for row in rows {
            table.push_str("\n| ");
            table.push_str(&row.join(" | "));
            table.push_str(" |");
        }
        self.block(&table);
    }

    /// Lines as they are.
    fn verbatim(&mut self, lines: &[String]) {
        let longest = lines.iter().flat_map(|line| line.split(|char| char != '`')).map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(3.max(longest + 1));
        self.block(&format!("{fence}text\n{}\n{fence}", lines.join("\n")));
    }
}

/// Text as Markdown has it, on one line: no character of it means anything, but that what stands between backticks is code.
fn text(text: &str) -> String {
    let text = safe::line(text);
    let parts: Vec<&str> = text.split('`').collect();
    // In pairs, and none of them empty: as our own sentences have names.
    let is_paired = parts.len() % 2 == 1 && parts.iter().skip(1).step_by(2).all(|part| !part.trim().is_empty());
    if !is_paired {
        return escaped(&text);
    }
    let part = |(at, part): (usize, &&str)| if at % 2 == 1 { code(part) } else { escaped(part) };
    parts.iter().enumerate().map(part).collect()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            // Who is called so would be told.
            '@' => escaped.push_str("&#64;"),
            // Within a word it means nothing.
            '_' if before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphanumeric()) => escaped.push('_'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '>' | '!' | '$' => escaped.extend(['\\', char]),
            other => escaped.push(other),
        }
        before = char;
    }
    // What looks like an address would become a link.
    escaped.replace("://", ":&#47;/").replace("www.", "www&#46;")
}

/// Text in the letters of a typewriter.
fn code(text: &str) -> String {
    let text = safe::line(text).replace('|', "\\|");
    let longest = text.split(|char| char != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    match text.trim() {
        "" => String::new(),
        // A blank on each side of backticks is not shown.
        _ if longest > 0 => format!("{fence} {text} {fence}"),
        _ => format!("{fence}{text}{fence}"),
    }
}

fn head(account: &Account, page: &mut Page) {
    let (view, origin) = (&account.view, &account.origin);
    let label = account.setting.label().map_or_else(String::new, |label| format!(" \\[{label}\\]"));
    page.block(&format!("# {} → {}{label}", text(&view.outline.rollout), text(&view.app)));
    let (sign, exit) = match &account.end {
        End::Ended(_, code) => {
            let sign = match code.0 {
                0 => "✅",
                3 | 4 | 6 => "⚠️",
                _ => "❌",
            };
            (sign, format!(" (exit {}: {})", code.0, exit::meaning(*code)))
        }
        End::Unfinished { .. } => ("❌", String::new()),
    };
    page.block(&format!("{sign} **{}**{exit}", text(&account.sentence())));
    let took = account.beats.last().map_or(Moment::START, |(at, _)| *at).max(view.now);
    let dokploy = match (&view.version, origin.dokploy.as_str()) {
        (None, address) => code(address),
        (Some(version), "") => text(version),
        (Some(version), address) => format!("{} at {}", text(version), code(address)),
    };
    let plan = match (origin.plan.as_str(), origin.plan_digest.as_str()) {
        (plan, "") => code(plan),
        (plan, digest) => format!("{} ({})", code(plan), code(digest)),
    };
    let waived: Vec<String> = view.waived.iter().map(|(service, reason)| format!("{service} ({reason})")).collect();
    let rows = [
        ("run", code(&view.run)),
        ("began", if account.began.is_empty() { String::new() } else { times::utc(&account.began) }),
        ("took", duration(took.0)),
        ("plan", plan),
        ("Dokploy", dokploy),
        ("probed from", account.setting.probed_from.as_deref().map(text).unwrap_or_default()),
        ("waived", text(&list(waived))),
        ("written by", if origin.version.is_empty() { String::new() } else { format!("plan {}", text(&origin.version)) }),
    ];
    let rows = rows.into_iter().filter(|(_, value)| !value.is_empty());
    page.table(&["", ""], rows.map(|(key, value)| vec![key.to_owned(), value]));
}

fn phases(account: &Account, page: &mut Page) {
    let view = &account.view;
    // Going back by hand has no phases of its own.
    if view.target.is_some() {
        return;
    }
    page.heading("Phases");
    let row = |(at, told): (usize, &PhaseAccount)| {
        let (phase, step) = (view.outline.phase(PhaseId(at)), &view.phases[at]);
        let outcome = match &step.stage {
            Stage::Verified => "✅ verified".to_owned(),
            Stage::Live if told.asserted_only => "✅ was live, holds".to_owned(),
            Stage::Live => "was live".to_owned(),
            Stage::Failed => "❌ failed".to_owned(),
            Stage::Held => "⚠️ not begun".to_owned(),
            Stage::Pending => "not reached".to_owned(),
            stage => format!("⚠️ {}", stage.word()),
        };
        let is_live = matches!(step.stage, Stage::Live) || told.asserted_only;
        let is_verified = matches!(step.stage, Stage::Verified) || told.asserted_only;
        let healthy = if is_verified { format!("{0}/{0}", told.healthy) } else { String::new() };
        let samples = if is_verified { step.samples.to_string() } else { String::new() };
        let between =
            |from: Option<Moment>, until: Option<Moment>| from.zip(until).map_or_else(String::new, |(from, until)| duration(until - from));
        let spans = &told.spans;
        let deployed = spans.deployed.as_ref().map(|(at, _)| *at);
        let soaked = spans.settled.filter(|_| step.stage.is_final()).and(step.ended);
        vec![
            text(&phase.name),
            outcome,
            text(&short_list(&phase.adds, NAMES)),
            healthy,
            samples,
            between(spans.asked, deployed),
            between(deployed, spans.settled),
            between(spans.settled, soaked),
            if step.began.is_some() && !is_live { duration(step.elapsed(view.now)) } else { String::new() },
        ]
    };
    let head = ["phase", "outcome", "adds", "healthy", "samples", "deploy", "settle", "soak", "took"];
    page.table(&head, account.phases.iter().enumerate().map(row));
    if let Some(back) = &view.rollback {
        let target = target_words(view.outline.target(&back.target), &back.target);
        let outcome = match &back.step.stage {
            Stage::Verified => format!("✅ {} is back, {}", text(&target), count(back.services.len(), "service") + " healthy"),
            Stage::Failed => format!("❌ the rollback to {} failed", text(&target)),
            stage => format!("⚠️ the rollback to {} is not verified ({})", text(&target), stage.word()),
        };
        let excused =
            if back.excused.is_empty() { String::new() } else { format!("; not healthy before either: {}", text(&list(&back.excused))) };
        page.block(&format!("Rollback: {outcome} after {}{excused}", duration(back.step.elapsed(view.now))));
    }
}

fn failures(account: &Account, page: &mut Page) {
    let view = &account.view;
    for (at, told) in account.phases.iter().enumerate().filter(|(_, told)| !told.not_held.is_empty()) {
        page.heading(&format!("Not healthy before phase {}", text(&view.outline.phase(PhaseId(at)).name)));
        page.verbatim(&plain(&cause::services(&told.not_held, WIDTH)));
    }
    if let Some(failure) = &view.failure {
        let what = match (failure.phase, failure.gate) {
            (Some(phase), _) => format!("Phase {} failed", text(&view.outline.phase(phase).name)),
            (None, Some(gate)) => format!("Gate {} does not hold", text(&view.outline.gate(gate).name)),
            (None, None) => "What failed".to_owned(),
        };
        failed(account, &what, failure, page);
    }
    if let Some(failure) = view.rollback.as_ref().and_then(|back| back.failure.as_ref()) {
        failed(account, "The rollback failed", failure, page);
    }
}

fn failed(account: &Account, heading: &str, failure: &Failure, page: &mut Page) {
    page.heading(heading);
    page.block(&format!("**{}** at {}", text(&cause::headline(&account.view.outline, &failure.cause)), clock(failure.at)));
    let mut lines = report(account, failure);
    let rest = lines.len().saturating_sub(LINES);
    if rest > 0 {
        lines.truncate(LINES);
        lines.push(format!("… {} more: `plan show RUN` and the evidence have them", count(rest, "line")));
    }
    if !lines.is_empty() {
        page.verbatim(&lines);
    }
}

/// What cannot be undone, the way back by hand, and the next command. Never a compose text: it may hold secrets in clear.
fn what_next(account: &Account, ending: &Ending, page: &mut Page) {
    let (view, setting) = (&account.view, &account.setting);
    let mut lines = close::cannot_undo(view, ending, WIDTH);
    match view.rollback.as_ref().filter(|back| back.failure.is_some()) {
        Some(back) => lines.extend(close::by_hand(view, setting, view.outline.target(&back.target), "", WIDTH)),
        None => lines.extend(close::next(view, ending, setting, WIDTH)),
    }
    let lines = plain(&lines);
    let begin = lines.iter().position(|line| !line.is_empty());
    if let Some(begin) = begin {
        page.heading("What now");
        page.verbatim(&lines[begin..]);
    }
}

fn running(account: &Account, page: &mut Page) {
    let view = &account.view;
    let seen: Vec<(&ServiceName, &ServiceView)> = view.services.iter().filter(|(name, _)| view.asked.contains(*name)).collect();
    if seen.is_empty() {
        return;
    }
    // Images are known of what this run verified and left.
    let images: Option<&BTreeMap<ServiceName, String>> = match &account.end {
        End::Ended(ending, _) if ending.facts.verified => {
            let live = ending.live.as_deref();
            account
                .phases
                .iter()
                .enumerate()
                .find(|(at, _)| live == Some(&view.outline.phase(PhaseId(*at)).name))
                .map(|(_, told)| &told.images)
        }
        _ => None,
    };
    page.heading("Running now, as last seen");
    let row = |(name, service): (&ServiceName, &ServiceView)| {
        let health = match service.is_met() {
            true => "✅ healthy".to_owned(),
            false if service.reading == Reading::Pass => "answered as expected when last asked".to_owned(),
            false => format!("❌ {}", text(&service.actual.clone().unwrap_or_else(|| service.why(view.outline.healthy_after)))),
        };
        let image = images.and_then(|images| images.get(name)).map(|image| code(image)).unwrap_or_default();
        vec![text(name), text(&service.state_words()), health, clock(service.at), image]
    };
    page.table(&["service", "container", "health", "seen at", "image"], seen.into_iter().map(row));
}

fn gates(account: &Account, page: &mut Page) {
    if account.gates.is_empty() {
        return;
    }
    page.heading("Gates");
    let outline = &account.view.outline;
    page.table(
        &["gate", "of phase", "holds", "approval"],
        account.gates.iter().map(|asked| {
            let gate = outline.gate(asked.gate);
            let held = match &asked.held {
                Some(Ok(())) => "✅ yes".to_owned(),
                Some(Err(cause)) => format!("❌ {}", text(&cause::headline(outline, cause))),
                None if gate.asks.is_empty() => String::new(),
                None => "not decided".to_owned(),
            };
            let approval = match &asked.approval {
                None => String::new(),
                Some(Approval::Given(who)) => format!("✅ {}", text(who)),
                Some(Approval::Refused(Some(who))) => format!("❌ refused by {}", text(who)),
                Some(Approval::Refused(None)) => "❌ nobody answered in time".to_owned(),
                Some(Approval::Asked) => "waiting".to_owned(),
            };
            let question = gate.approval.as_ref().map_or_else(String::new, |(question, _)| format!(" ({})", text(question)));
            let phase = asked.phase.map_or_else(String::new, |phase| text(&outline.phase(phase).name));
            vec![text(&gate.name), phase, held, if approval.is_empty() { approval } else { approval + &question }]
        }),
    );
}

fn timeline(account: &Account, page: &mut Page) {
    page.heading("Timeline");
    page.block("Times are run time, from the start.");
    let row =
        |(at, beat): &(Moment, crate::report::story::Beat)| vec![clock(*at), text(&beat.subject), text(beat.word), text(&beat.detail)];
    let mut rows: Vec<Vec<String>> = account.beats.iter().map(row).collect();
    if let End::Ended(_, ExitCode(code)) = &account.end {
        rows.push(vec![clock(account.view.now), "run".to_owned(), "ended".to_owned(), format!("exit {code}")]);
    }
    page.table(&["at", "of", "what", ""], rows);
}

fn digests(account: &Account, page: &mut Page) {
    let outline = &account.view.outline;
    page.heading("Digests");
    let file = |name: &str| outline.phases.iter().find(|phase| phase.name == name).map(|phase| code(&phase.path)).unwrap_or_default();
    page.table(&["phase", "file", "digest"], account.digests.iter().map(|(phase, digest)| vec![text(phase), file(phase), code(digest)]));
    if !account.commits.is_empty() {
        page.table(&["git reference", "commit"], account.commits.iter().map(|(reference, commit)| vec![code(reference), code(commit)]));
    }
}

fn kept(account: &Account, page: &mut Page) {
    let places = account.evidence.iter().map(|path| ("evidence".to_owned(), path));
    let mut texts: Vec<_> = account.view.snapshots.iter().map(|(name, path)| (format!("compose text of {name}"), path)).collect();
    // As they were kept: their files are numbered.
    texts.sort_by(|a, b| a.1.cmp(b.1));
    let rows: Vec<Vec<String>> = places.chain(texts).map(|(what, path)| vec![text(&what), code(path)]).collect();
    if !rows.is_empty() {
        page.heading("Kept");
        page.table(&["what", "where"], rows);
    }
    if !account.warnings.is_empty() {
        page.heading("Warnings");
        page.block(&account.warnings.iter().map(|warning| format!("- {}", text(warning))).collect::<Vec<_>>().join("\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_is_text_and_nothing_else() {
        assert_eq!(
            text("a | b\n**c** `d <script> <script>&amp;</script> [x](http://y) @team snake_case _x_"),
            "a \\| b \\*\\*c\\*\\* \\`d &lt;script\\> &lt;script\\>&amp;amp;&lt;/script\\> \\[x\\](http:&#47;/y) &#64;team snake_case \\_x\\_"
        );
        assert_eq!(text("phase `a|b` <failed> `*`"), "phase `a\\|b` &lt;failed\\> `*`");
        assert_eq!(text("a `` b"), "a \\`\\` b");
        assert_eq!(code("a`b``c|d"), "``` a`b``c\\|d ```");
        assert_eq!(code(" "), "");
        let mut page = Page::default();
        page.verbatim(&["```".to_owned(), "</pre> ## no heading".to_owned()]);
        assert_eq!(page.0, "````text\n```\n</pre> ## no heading\n````\n");
    }
}
