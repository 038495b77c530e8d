//! Deploys of the app that are somebody else's. Dokploy takes whatever text is sent last (FACTS §5) and cannot cancel a deploy (FACTS §6), so
//! two who deploy one app cannot keep each other out: they can only notice each other, and whoever came later stops.

use super::rows::{Deployment, Job, Status};
use super::session::App;
use std::collections::BTreeSet;

/// Whose title a marker of ours is, up to the word that the phase begins with.
const MARKER: &str = "plan run=";

/// The run that a title names, if it is a marker.
fn run_of(title: &str) -> Option<&str> {
    title.strip_prefix(MARKER)?.split(' ').next()
}

/// The title of a deploy of the app that runs or waits, whoever asked for it.
pub(super) fn in_the_way(app: &App, jobs: Option<&[Job]>, rows: &[Deployment]) -> Option<String> {
    let job = jobs.unwrap_or_default().iter().find(|job| is_of(job, app)).map(|job| &job.title);
    let is_alive = |row: &&Deployment| row.status == Status::Going && !app.dead_rows.contains(&row.id);
    job.or_else(|| rows.iter().find(is_alive).map(|row| &row.title)).cloned()
}

/// The title of a deploy of the app that came after this one.
pub(super) fn newer_than(deployment: &str, rows: &[Deployment]) -> Option<String> {
    rows.iter().take_while(|row| row.id != deployment).map(|row| row.title.clone()).next()
}

fn is_of(job: &Job, app: &App) -> bool {
    job.compose.as_deref() == Some(app.compose.as_str())
}

/// Those who deploy the app beside one deploy of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Others {
    app: App,
    marker: String,
    /// Rows that were there when ours was asked for: over, and known to be.
    known: BTreeSet<String>,
}

impl Others {
    pub(super) fn new(app: &App, marker: &str) -> Self {
        Self { app: app.clone(), marker: marker.to_owned(), known: BTreeSet::new() }
    }

    /// What was there already.
    pub(super) fn known(&self) -> &BTreeSet<String> {
        &self.known
    }

    /// Takes what is there already for known.
    pub(super) fn know(&mut self, rows: &[Deployment]) {
        self.known = rows.iter().map(|row| row.id.clone()).collect();
    }

    /// The title of another run's deploy that came after we compared the text to put ours there. Our change was long on its way then, and
    /// went over that run's text: to deploy it would be to take back what that run deployed.
    pub(super) fn came_before_our_text(&self, rows: &[Deployment]) -> Option<String> {
        let compared = self.app.compared_rows.as_ref()?;
        let is_new = |row: &&Deployment| !compared.contains(&row.id) && run_of(&row.title).is_some() && self.is_foreign(&row.title);
        rows.iter().find(is_new).map(|row| row.title.clone())
    }

    /// The title of one that came between our last look and ours: ours stands behind it, or was begun after it. `ours`: where our row stands.
    pub(super) fn came_first(&self, jobs: Option<&[Job]>, rows: &[Deployment], ours: Option<usize>) -> Option<String> {
        let older = rows.get(ours.map_or(0, |ours| ours + 1)..).unwrap_or_default();
        let unknown = older.iter().find(|row| !self.known.contains(&row.id) && self.is_foreign(&row.title)).map(|row| &row.title);
        // What stands in the queue once our row is there came after it.
        let first = jobs.filter(|_| ours.is_none()).and_then(|jobs| jobs.iter().find(|job| is_of(job, &self.app)));
        unknown.or_else(|| first.map(|job| &job.title).filter(|title| self.is_foreign(title))).cloned()
    }

    /// The title of one that came after ours had begun.
    pub(super) fn came_after(&self, rows: &[Deployment], ours: Option<usize>) -> Option<String> {
        rows.iter().take(ours?).find(|row| self.is_foreign(&row.title)).map(|row| row.title.clone())
    }

    fn is_foreign(&self, title: &str) -> bool {
        title != self.marker && run_of(title).is_none_or(|run| run_of(&self.marker) != Some(run))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "plan run=a phase=core try=1";

    fn others() -> Others {
        let mut others = Others::new(&App::named("c", "app"), OURS);
        others.know(&[row("old", Status::Done)]);
        others
    }

    fn row(title: &str, status: Status) -> Deployment {
        Deployment { id: title.to_owned(), title: title.to_owned(), status, error: None, log_path: String::new() }
    }

    fn rows(titles: &[&str]) -> Vec<Deployment> {
        titles.iter().map(|title| row(title, Status::Going)).collect()
    }

    fn place(titles: &[&str]) -> Option<usize> {
        titles.iter().position(|title| *title == OURS)
    }

    fn jobs(titles: &[&str]) -> Vec<Job> {
        let job = |title: &&str| Job {
            title: (*title).to_owned(),
            compose: Some("c".to_owned()),
            active: false,
            server: None,
            page: None,
            since: None,
        };
        titles.iter().map(job).collect()
    }

    #[test]
    fn whoever_stands_before_ours_came_first() {
        let first = |titles: &[&str], of: &[&str]| others().came_first(Some(&jobs(titles)), &rows(of), place(of));
        assert_eq!(first(&["Manual deployment", OURS], &["old"]), Some("Manual deployment".to_owned()));
        assert_eq!(first(&["plan run=b phase=core try=1"], &["old"]), Some("plan run=b phase=core try=1".to_owned()));
        // Begun and over between our look and our deploy.
        assert_eq!(first(&[], &[OURS, "Manual deployment", "old"]), Some("Manual deployment".to_owned()));
        assert_eq!(first(&[], &["Manual deployment", "old"]), Some("Manual deployment".to_owned()));
    }

    #[test]
    fn ours_behind_nobody_is_in_nobody_s_way() {
        let first = |titles: &[&str], of: &[&str]| others().came_first(Some(&jobs(titles)), &rows(of), place(of));
        assert_eq!(first(&[OURS, "Manual deployment"], &["old"]), None);
        assert_eq!(first(&["Manual deployment"], &[OURS, "old"]), None);
        // An earlier try of the same run is ours, too.
        assert_eq!(first(&["plan run=a phase=core try=0", OURS], &["plan run=a phase=base try=1", "old"]), None);
        let mut other_app = jobs(&["Manual deployment"]);
        other_app[0].compose = Some("other".to_owned());
        assert_eq!(others().came_first(Some(&other_app), &rows(&["old"]), None), None);
    }

    #[test]
    fn another_run_s_deploy_since_the_text_was_compared_is_told_from_what_was_there_and_from_anybody_s() {
        let app =
            |compared: Option<&str>| App { compared_rows: compared.map(|row| BTreeSet::from([row.to_owned()])), ..App::named("c", "app") };
        let before = |compared, of: &[&str]| Others::new(&app(compared), OURS).came_before_our_text(&rows(of));
        let theirs = "plan run=b phase=core try=1";
        assert_eq!(before(Some("old"), &[theirs, "old"]), Some(theirs.to_owned()));
        assert_eq!(before(Some(theirs), &[theirs, "old run"]), None);
        // One of our own, and one that has no text of its own.
        assert_eq!(before(Some("old"), &["plan run=a phase=base try=1", "Manual deployment", "old"]), None);
        // Nothing was compared: a run that goes on with a text that was there.
        assert_eq!(before(None, &[theirs]), None);
    }

    #[test]
    fn what_began_after_ours_is_told_apart_from_what_was_there() {
        let after = |of: &[&str]| others().came_after(&rows(of), place(of));
        assert_eq!(after(&["Manual deployment", OURS, "old"]), Some("Manual deployment".to_owned()));
        assert_eq!(after(&[OURS, "Manual deployment"]), None);
        assert_eq!(after(&["plan run=a rollback-to=core try=1", OURS]), None);
        assert_eq!(after(&["Manual deployment"]), None);
        assert_eq!(newer_than("ours", &rows(&["Manual deployment", "ours", "old"])), Some("Manual deployment".to_owned()));
        assert_eq!(newer_than("ours", &rows(&["ours", "old"])), None);
        // Pushed out of the history of eleven (FACTS §6): by newer ones.
        assert_eq!(newer_than("ours", &rows(&["b", "a"])), Some("b".to_owned()));
    }
}
