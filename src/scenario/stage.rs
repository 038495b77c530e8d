//! A place to play scenarios in: the plan in the sandbox's world, in memory, on virtual time.

use super::staged::Scenario;
use super::witness::{Ended, Signs, Witness};
use crate::model::Variables;
use crate::rehearse::{self, Place, Rehearsal};
use crate::schedule::Schedule;
use crate::world::{Fault, World};
use std::sync::Arc;

/// Where scenarios of one plan are played.
pub struct Stage<'a> {
    place: Arc<Place>,
    variables: &'a dyn Variables,
    meant: Signs,
}

impl<'a> Stage<'a> {
    /// Makes it, and plays what happens when nothing goes wrong.
    pub fn new(place: Arc<Place>, variables: &'a dyn Variables) -> Self {
        let mut stage = Self { place, variables, meant: Signs::default() };
        stage.meant = stage.run(Vec::new()).signs;
        stage
    }

    /// The signs of the run in which nothing goes wrong.
    pub fn meant(&self) -> &Signs {
        &self.meant
    }

    /// The plan.
    pub fn schedule(&self) -> &Schedule {
        self.place.schedule()
    }

    /// Plays a scenario to its end.
    pub fn play(&self, scenario: &Scenario) -> Witness {
        self.run(scenario.faults())
    }

    fn run(&self, faults: Vec<Fault>) -> Witness {
        let world = World::new(rehearse::setting(self.schedule(), self.variables, faults).config).in_brief();
        let mut run = Rehearsal::new(&self.place, world);
        run.finish();
        let mut ended = Ended::default();
        run.change_world(|world, now| ended = Ended::of(world, now));
        Witness { signs: Signs::of(&run), ended }
    }
}
