//! What happened to containers between two looks: one that restarts again and again is running in many of them.

use crate::engine::Container;
use crate::schedule::{Schedule, ServiceName};
use std::collections::BTreeMap;

/// Services that were restarted by Docker, or stopped and started, since the look before, with what became of each in words. A job's containers
/// come and go.
pub fn restarted(schedule: &Schedule, before: &[Container], now: &[Container]) -> BTreeMap<ServiceName, String> {
    let before: BTreeMap<&str, &Container> = before.iter().map(|one| (one.id.short(), one)).collect();
    let mut restarted = BTreeMap::new();
    for one in now {
        let Some(old) = before.get(one.id.short()) else { continue };
        if schedule.services.get(&one.service).is_some_and(|service| service.job.is_some()) {
            continue;
        }
        let times = one.restarts.saturating_sub(old.restarts);
        let words = match times {
            0 if one.started_at == old.started_at => continue,
            0 => "its container was started anew since the last look".to_owned(),
            1 => "its container ended and was restarted since the last look".to_owned(),
            times => format!("its container ended and was restarted {times} times since the last look"),
        };
        restarted.insert(one.service.clone(), words);
    }
    restarted
}
