//! One look at what is delivered: Dokploy, the containers, and one sample of each expectation. For `plan status`; nothing is judged.

use super::asking;
use super::live;
use super::variables::{self, Environment};
use crate::drive::{self, LiveClock, Probes, SharedMasks, check_up};
use crate::engine::{Checkup, Options, Scope, outlook};
use crate::model::Dokploy as Address;
use crate::probe::ConnectTo;
use crate::report::past::{Live, Now};
use crate::schedule::{Schedule, body_of, services_in};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

/// What Dokploy says, and what there is to see now; or why it could not be asked. `probes`: where the plan's addresses lead, or why
/// services are not asked themselves.
pub(super) fn look(plan: &Path, schedule: &Schedule, address: &Address, probes: Result<ConnectTo, String>) -> Result<(Live, Now), String> {
    let clock = Rc::new(LiveClock::start());
    let (shown, platform) = live::platform(plan, schedule, address, Rc::clone(&clock))?;
    let masks = SharedMasks::default();
    let platform = Rc::new(platform.sharing(Rc::clone(&masks)));
    let probes = probes.and_then(|connect_to| {
        let prepared = Probes::prepare(schedule, &Environment, asking::from_here(plan, connect_to));
        let first = |errors: &[_]| errors.first().map(|error| variables::unprepared(error).message).unwrap_or_default();
        prepared.map(|probes| Rc::new(probes.sharing(masks))).map_err(|errors| first(&errors))
    });
    let runtime = drive::runtime(false).map_err(|error| format!("no runtime: {error}"))?;
    let looked = runtime.block_on(async {
        let survey = live::ask_survey(&*platform).await.map_err(|none| none.why)?;
        let (position, _) = outlook(schedule, &Options::default(), &survey);
        let findings = match probes {
            Err(why) => Err(why),
            Ok(probes) => {
                let planned = |name: &String| schedule.services.contains_key(name);
                let services = services_in(body_of(&survey.text)).into_iter().filter(planned).collect();
                let scope = Scope { services, externals: schedule.externals.keys().cloned().collect(), containers: true, rounds: Some(1) };
                let mut checkup = Checkup::new(Arc::new(schedule.clone()), scope);
                check_up(&mut checkup, Some(Rc::clone(&platform)), probes, Rc::clone(&clock), &mut |_| {}).await;
                Ok(checkup.findings())
            }
        };
        let now = Now::of(schedule, &survey, &position, findings.as_deref().map_err(Clone::clone));
        Ok((Live::of(schedule, &shown, &survey, &position), now))
    });
    // A name server that hangs is not waited for.
    runtime.shutdown_background();
    looked
}
