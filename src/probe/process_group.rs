//! A process group that ends when this is dropped, however its time limit or its run ended.

use rustix::process::{Pid, Signal, kill_process_group};

/// The group that a child leads, started with `process_group(0)`.
#[derive(Debug)]
pub(super) struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    /// The group of a child, by the child's id.
    pub(super) fn led_by(id: Option<u32>) -> Self {
        Self(id.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)))
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Gone already is as good.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
