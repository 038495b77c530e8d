//! What is said before a rollback by hand changes anything: where to, who says it was well, what it takes away, what it cannot undo.

use super::header::live_words;
use super::line::{Line, Style, hanging};
use super::progress::{TargetView, View};
use super::setting::Setting;
use super::story::target_words;
use super::words::{count, list};

/// What no rollback brings back, in a sentence's words.
pub const NOT_UNDONE: &str = "what containers wrote to volumes and databases, migrations and jobs that ran included";

/// The summary, once the target is found.
pub fn summary(view: &View, width: usize) -> Vec<Line> {
    let Some(target) = &view.target else { return Vec::new() };
    let version = view.version.as_ref().map_or(String::new(), |version| format!("Dokploy {version}; "));
    let live = live_words(view, None);
    let live = if live.is_empty() { live } else { format!("{live}: ") };
    let TargetView { because, services, removes, is_live, .. } = target;
    let to = words(view, target);
    let what = if *is_live { format!("{to} is live; whether it holds is asked") } else { format!("going back to {to}") };
    let mut lines = hanging(&Line::text("  "), Style::Plain, &format!("{version}{live}{what}"), width);
    let mut row = |label: &str, text: &str| {
        lines.extend(hanging(&Line::text("    ").cell(Style::Bold, label, 9).plain("  "), Style::Plain, text, width));
    };
    row("because", because);
    if !services.is_empty() {
        row("brings", &format!("{}: {}", count(services.len(), "service"), list(services)));
    }
    if !removes.is_empty() {
        row("removes", &list(removes));
    }
    row("leaves", &format!("{NOT_UNDONE}: no rollback undoes that"));
    lines
}

/// The question, the cursor to stand after it.
pub fn question(view: &View, target: &TargetView, setting: &Setting) -> String {
    let app = super::safe::line(&view.app);
    let to = words(view, target);
    let what = if target.is_live { format!("Make {app} {to} again?") } else { format!("Take {app} back to {to}?") };
    let removes = if target.removes.is_empty() { String::new() } else { format!(" This removes {}.", list(&target.removes)) };
    let label = setting.label().map_or(String::new(), |label| format!(" [{label}]"));
    format!("{what}{removes}{label} [y/N] ")
}

fn words(view: &View, target: &TargetView) -> String {
    target_words(view.outline.target(&target.target), &target.target)
}
