//! `plan check` with a Dokploy at hand: what is live, and whether a run would start. Reads only.

use super::variables::{self, Environment};
use super::way_back;
use crate::compose::masks_of;
use crate::dokploy::{Masks, Session, Target};
use crate::drive::{self, BaseUrl, Dokploy, GitSources, HttpTransport, LiveClock, Platform};
use crate::engine::{Answer, Failure, FailureKind, Intent, Options, Reason, Survey, Unset, outlook, unset};
use crate::model::Dokploy as Address;
use crate::report::standing::standing;
use crate::schedule::Schedule;
use std::path::Path;
use std::rc::Rc;

/// What came of asking.
pub(super) enum Asked {
    /// It answered.
    Answered {
        /// What to print.
        text: String,
        /// The exit code.
        code: u8,
        /// Variables of the compose files without a value.
        unset: Vec<Unset>,
    },
    /// What it answered says that a run would end before it begins: why, and the exit code.
    Refused(String, u8),
    /// It was not asked, or did not answer; why.
    Not(String),
}

/// Why there is no survey.
pub(super) struct NoSurvey {
    /// One sentence.
    pub(super) why: String,
    /// The exit code of a run, where Dokploy answered and its answer keeps a run from starting.
    code: Option<u8>,
}

impl From<String> for NoSurvey {
    fn from(why: String) -> Self {
        Self { why, code: None }
    }
}

impl From<Failure> for NoSurvey {
    fn from(failure: Failure) -> Self {
        let code = match failure.kind {
            kind if kind.refuses() => Some(3),
            FailureKind::MissingRight => Some(9),
            _ => None,
        };
        Self { why: failure.message, code }
    }
}

/// Asks the plan's Dokploy what is live. `plan` is its file, `look` columns and colour.
pub(super) fn ask(plan: &Path, schedule: &Schedule, address: &Address, look: (usize, bool)) -> Asked {
    let (shown, survey) = match survey(plan, schedule, address) {
        Ok(asked) => asked,
        Err(NoSurvey { why, code: Some(code) }) => return Asked::Refused(why, code),
        Err(NoSurvey { why, code: None }) => return Asked::Not(why),
    };
    let state = std::env::var_os("PLAN_STATE").map(Into::into);
    let options = Options { known_runs: way_back::known_runs(state), ..Options::default() };
    let (position, refusal) = outlook(schedule, &options, &survey);
    let code = match &refusal {
        Some(Reason::Refused { .. }) => 3,
        Some(Reason::CouldNotAsk { .. }) => 9,
        // Another deploy passes by itself, and says nothing against the plan.
        _ => 0,
    };
    let text = standing(schedule, &shown, &survey, &position, refusal.as_ref(), look);
    Asked::Answered { text, code, unset: unset(schedule, &survey) }
}

/// Reads what pre-flight would read. Gives Dokploy's address, without credentials, and what it says; or why it was not asked or did not
/// answer.
pub(super) fn survey(plan: &Path, schedule: &Schedule, address: &Address) -> Result<(String, Survey), NoSurvey> {
    let (shown, platform) = platform(plan, schedule, address, Rc::new(LiveClock::start()))?;
    let runtime = drive::runtime(false).map_err(|error| format!("no runtime: {error}"))?;
    let answer = runtime.block_on(ask_survey(&platform));
    // A name server that hangs is not waited for.
    runtime.shutdown_background();
    answer.map(|survey| (shown, survey))
}

/// Reads what pre-flight would read.
pub(super) async fn ask_survey(platform: &impl Platform) -> Result<Survey, NoSurvey> {
    match platform.carry_out(Intent::Survey, &mut |_| {}).await {
        Answer::Surveyed(survey) => Ok(*survey),
        Answer::Failed(failure) => Err(failure.into()),
        _ => Err("it answered with something else".to_owned().into()),
    }
}

/// The plan's Dokploy with its address, without credentials; or why it cannot be asked.
pub(super) fn platform(
    plan: &Path,
    schedule: &Schedule,
    address: &Address,
    clock: Rc<LiveClock>,
) -> Result<(String, Dokploy<HttpTransport, LiveClock, GitSources>), String> {
    let mut masks = Masks::default();
    let mut value = |text| match variables::resolve(text, &Environment) {
        Ok(resolved) => {
            resolved.secrets.iter().for_each(|secret| masks.add_secret(secret));
            Ok(resolved.value)
        }
        Err(diagnostic) => Err(diagnostic.message),
    };
    let app = &schedule.app;
    let values = [&address.url, &address.api_key, &app.project, &app.environment, &app.compose].map(&mut value);
    let [Ok(url), Ok(key), Ok(project), Ok(environment), Ok(compose)] = values.clone() else {
        return Err(values.into_iter().find_map(Result::err).unwrap_or_default());
    };
    masks.add_secret(&key);
    schedule.phases.iter().for_each(|phase| masks.merge(&masks_of(&phase.text)));
    let transport = BaseUrl::parse(&url)
        .map_err(|why| format!("its address {why}"))
        .and_then(|base| Ok((base.to_string(), HttpTransport::new(base, &key)?)));
    let trusting = |(shown, transport): (String, HttpTransport)| match &address.ca {
        None => Ok((shown, transport)),
        Some(ca) => {
            let (pem, _) = variables::authority(plan, ca).map_err(|wrong| wrong.message)?;
            Ok((shown, transport.trusting(&pem).map_err(|why| format!("\"{}\" {why}", ca.value))?))
        }
    };
    let (shown, transport) = transport.and_then(trusting)?;
    let session = Session::new(Target { project, environment, compose }, masks);
    Ok((shown, Dokploy::new(session, transport, clock, GitSources::default())))
}
