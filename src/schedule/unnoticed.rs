//! For how long a service may be broken, for good, before a run acts on it: from the last sample that it still passes to the round that
//! decides. While rounds follow each other that is the detection bound; where nobody looks, that long comes on top.
//!
//! Nobody looks at what was delivered earlier while gates are asked, while a person is, and while a deploy waits and builds. These times hold
//! while Dokploy and the services can be asked: what cannot be asked is told at once, and is no verdict.

use super::time::{CALLS, sum};
use super::{PhaseId, Schedule};
use std::time::Duration;

/// When nobody looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum During {
    /// From the end of the soak before to the assertion before the deploy: the gates are asked.
    Gates,
    /// A gate's question waits for an answer. The gate's index in [`Schedule::gates`].
    Approval(super::GateId),
    /// The deploy waits in the queue, pulls and builds.
    Deploy,
}

/// The longest times that something broken stays unnoticed in a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unnoticed {
    /// While it settles and soaks, of a service that was met: the detection bound.
    pub watched: Duration,
    /// Of a service that the phase's deploy starts anew: it is given the time to settle.
    pub started: Duration,
    /// Of a service that was delivered earlier and that the deploy leaves alone, and when nobody looks. `None` in the first phase.
    pub earlier: Option<(Duration, During)>,
    /// Of a service that was delivered earlier, breaks while the deploy waits and builds, and has a new container then: it settles first.
    /// `None` in the first phase.
    pub replaced: Option<Duration>,
}

impl Schedule {
    /// Bad for longer than this inside a window of rounds is noticed: failures × max(every, timeout) + timeout.
    pub fn detection_bound(&self) -> Duration {
        let sampling = self.sampling;
        sampling.every.max(sampling.timeout).saturating_mul(sampling.unhealthy_after).saturating_add(sampling.timeout)
    }

    /// How long something may stay unnoticed in a phase.
    pub fn unnoticed(&self, at: PhaseId) -> Unnoticed {
        let (phase, watched) = (self.phase(at), self.detection_bound());
        let timeout = self.sampling.timeout;
        let started = phase.settle.saturating_add(timeout);
        let deploy = sum([CALLS, self.limits.queue, phase.within]);
        if at.0 == 0 {
            return Unnoticed { watched, started, earlier: None, replaced: None };
        }
        // All gates are asked before the first question, which what was delivered earlier is asked after.
        let mut gates = CALLS.saturating_add(started.saturating_mul(u32::try_from(phase.asking(self).count()).unwrap_or(u32::MAX)));
        let mut longest = (deploy, During::Deploy);
        for gate in phase.gates.iter().copied() {
            if let Some(approval) = &self.gates[gate.0].approval {
                let gap = std::mem::take(&mut gates).saturating_add(approval.within);
                longest = if gap > longest.0 { (gap, During::Approval(gate)) } else { longest };
            }
        }
        if gates > longest.0 {
            longest = (gates, During::Gates);
        }
        let earlier = (longest.0.saturating_add(watched), longest.1);
        Unnoticed { watched, started, earlier: Some(earlier), replaced: Some(sum([timeout, deploy, started])) }
    }

    /// The phase in which something delivered earlier may stay unnoticed for longest, for how long, and when nobody looks.
    pub fn longest_unnoticed(&self) -> Option<(PhaseId, Duration, During)> {
        let each = (0..self.phases.len()).map(PhaseId).filter_map(|at| {
            let (longest, during) = self.unnoticed(at).earlier?;
            Some((at, longest, during))
        });
        // The first of those that are equal.
        each.reduce(|longest, phase| if phase.1 > longest.1 { phase } else { longest })
    }
}
