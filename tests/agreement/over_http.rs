//! A path, played by the driver over HTTP: engine, protocol, reqwest, probes and store, against the sandbox on loopback.

use super::told::Told;
use crate::rehearsing::RUN;
use crate::support::in_memory::Unseen;
use crate::support::live::{drive, people_of, rollout_of};
use rollout_plan::drive::Driven;
use rollout_plan::engine::{Engine, Event, Moment, Options, baseline_kept};
use rollout_plan::sandbox::{self, Sandbox};
use rollout_plan::schedule::Schedule;
use rollout_plan::store::{self, Store};
use rollout_plan::world::{Config, World};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// A run in a world.
pub fn played(schedule: &Arc<Schedule>, config: Config) -> Told {
    on_virtual_time(config, async |sandbox, state| {
        let left = rollout_of(Arc::clone(schedule), RUN, sandbox, state, Options::default()).await;
        Told::driven(left.ending, &left.journal)
    })
}

/// A run whose process is killed at a moment, before anything of that moment comes to it, and another that goes on by what it recorded.
pub fn killed(schedule: &Arc<Schedule>, config: Config, at: Moment, gap: Duration) -> Told {
    on_virtual_time(config, async |sandbox, state| {
        let store = Store::open(Some(state.to_owned())).unwrap();
        let mut record = store.begin(RUN).unwrap();
        let began = Instant::now();
        let work = async |engine, from, record: &mut store::Run| {
            drive(engine, from, schedule, sandbox, record, &mut Unseen, people_of(schedule, sandbox)).await
        };
        let options = Options { run: RUN.into(), ..Options::default() };
        tokio::select! {
            biased;
            () = sleep_until(began + at.0) => {}
            driven = work(Engine::new(Arc::clone(schedule), options.clone()), Moment::START, &mut record) => panic!("it was over: {driven:?}"),
        }
        drop(record);
        sleep(gap).await;
        let from = at + gap;

        let (record, journal) = store.resume(RUN).unwrap();
        let past: Vec<(Moment, Event)> = journal.entries.into_iter().map(|entry| (entry.at, entry.event)).collect();
        let baseline = baseline_kept(&past).map(|(path, _)| store.snapshot(RUN, path).unwrap());
        let last = past.last().map_or(Moment::START, |(at, _)| *at);
        let resumed = Engine::resume(schedule, options.clone(), &past, baseline, from - last);
        let (id, mut record, engine) = if let Ok(engine) = resumed {
            (RUN.to_owned(), record, engine)
        } else {
            // Nothing was recorded: whoever comes back begins anew.
            assert_eq!(past.len(), 0);
            let again = format!("{RUN}-again");
            let engine = Engine::new(Arc::clone(schedule), Options { run: again.clone(), ..options });
            (again.clone(), store.begin(&again).unwrap(), engine)
        };
        let Driven::Ended(ending, None) = work(engine, from, &mut record).await else { panic!("nobody left") };
        let mut journal = store::read(&store.journal(RUN)).unwrap().entries;
        if id != RUN {
            journal.extend(store::read(&store.journal(&id)).unwrap().entries);
        }
        Told::driven(ending, &journal)
    })
}

fn on_virtual_time<T>(config: Config, play: impl AsyncFnOnce(&Sandbox, &Path) -> T) -> T {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let externals = config.externals.iter().map(|external| (external.host.clone(), external.port));
        let ports = (8000..=8009).chain(8080..=8082).map(|port| ("127.0.0.1".to_owned(), port));
        let options = sandbox::Options { addresses: ports.chain(externals).collect(), ..sandbox::Options::default() };
        let sandbox = Sandbox::start(World::new(config), options).await.unwrap();
        play(&sandbox, folder.path()).await
    })
}
