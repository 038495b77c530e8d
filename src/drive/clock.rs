//! Run time: the machine's own, or the sandbox's paced virtual time.

use super::Clock;
use crate::engine::Moment;
use std::cell::Cell;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::mpsc;
use std::time::Duration;
use tokio::time::Instant;

/// Run time as it passes, also while the machine is asleep. The wall clock has no say: it may be set at any time.
#[derive(Clone, Copy, Debug)]
pub struct LiveClock {
    start: Duration,
    /// What its start is, in run time.
    from: Moment,
}

/// How long is slept at once: timers stand still while the machine sleeps, so what is due is looked for this often.
const NAP: Duration = Duration::from_secs(1);

impl LiveClock {
    /// A clock whose start is now.
    pub fn start() -> Self {
        Self::start_at(Moment::START)
    }

    /// A clock on which it is this moment now: a run that goes on after it was cut off.
    pub fn start_at(from: Moment) -> Self {
        Self { start: since_boot(), from }
    }
}

impl Clock for LiveClock {
    fn now(&self) -> Moment {
        self.from + since_boot().saturating_sub(self.start)
    }

    async fn sleep_until(&self, moment: Moment) {
        loop {
            let left = moment - self.now();
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(NAP)).await;
        }
    }
}

/// Time that only goes forward, the time asleep counted.
#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    read(rustix::time::ClockId::Boottime)
}

/// Time that only goes forward; whether the time asleep counts is the system's choice.
#[cfg(not(target_os = "linux"))]
fn since_boot() -> Duration {
    read(rustix::time::ClockId::Monotonic)
}

fn read(clock: rustix::time::ClockId) -> Duration {
    let time = rustix::time::clock_gettime(clock);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// How long the machine has been asleep in all. What it grows by between two calls was slept meanwhile.
pub(super) fn asleep() -> Duration {
    since_boot().saturating_sub(read(rustix::time::ClockId::Monotonic))
}

/// How fast the sandbox's time passes. It changes how long one waits, never a time of the plan or a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// So many times as fast as the wall clock.
    Times(NonZeroU32),
    /// Without waiting at all.
    Max,
}

impl Default for Speed {
    fn default() -> Self {
        Self::Times(NonZeroU32::new(20).expect("20 is not zero"))
    }
}

impl FromStr for Speed {
    type Err = String;

    /// Reads `20`, `20x` or `max`.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let times = text.strip_suffix(['x', '×']).unwrap_or(text).parse();
        times.map(Self::Times).map_err(|_| format!("`{text}` is neither a whole number from 1 nor `max`"))
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(times) => write!(f, "{times}×"),
            Self::Max => f.write_str("max"),
        }
    }
}

/// How much real time is slept at once while pacing.
const SLICE: Duration = Duration::from_millis(25);

/// Plan time in the sandbox, on a runtime whose clock is paused: it moves on by itself, to the next timer, whenever nothing can be done.
///
/// Each slice of it is then paid back in real time on a blocking thread, which keeps the paused clock from moving: whatever a busy
/// machine takes for an exchange in that time costs no plan time, so that nothing times out that would not have at full speed.
#[derive(Debug)]
pub struct PacedClock {
    start: Instant,
    /// What its start is, in run time.
    from: Moment,
    speed: Speed,
    /// A point in plan time and the point in real time at which it is due.
    due: Cell<(Instant, std::time::Instant)>,
}

impl PacedClock {
    /// A clock whose start is now. The runtime's clock must be paused.
    pub fn start(speed: Speed) -> Self {
        Self::start_at(speed, Moment::START)
    }

    /// A clock on which it is this moment now. The runtime's clock must be paused.
    pub fn start_at(speed: Speed, from: Moment) -> Self {
        let start = Instant::now();
        Self { start, from, speed, due: Cell::new((start, std::time::Instant::now())) }
    }

    /// Sleeps in real time until plan time is no longer ahead of it.
    async fn catch_up(&self, times: u32) {
        loop {
            let (plan, real) = (Instant::now(), std::time::Instant::now());
            let (last_plan, last_due) = self.due.get();
            let due = last_due + plan.saturating_duration_since(last_plan) / times;
            let Some(ahead) = due.checked_duration_since(real).filter(|ahead| !ahead.is_zero()) else {
                // What was lost to a busy machine, or to a person who was asked, is not run after.
                let due = if real.duration_since(due) > SLICE { real } else { due };
                self.due.set((plan, due));
                return;
            };
            let nap = ahead.min(SLICE);
            if tokio::task::spawn_blocking(move || std::thread::sleep(nap)).await.is_err() {
                return; // The runtime is shutting down.
            }
        }
    }
}

impl Clock for PacedClock {
    fn now(&self) -> Moment {
        self.from + self.start.elapsed()
    }

    async fn sleep_until(&self, moment: Moment) {
        let until = self.start + (moment - self.from);
        let Speed::Times(times) = self.speed else {
            return tokio::time::sleep_until(until).await;
        };
        let slice = SLICE * times.get();
        while Instant::now() < until {
            tokio::time::sleep_until(until.min(Instant::now() + slice)).await;
            self.catch_up(times.get()).await;
        }
    }

    fn is_virtual(&self) -> bool {
        true
    }
}

/// Holds a paused clock still until dropped: while a person is asked, the sandbox's time must not run to the deadline.
#[derive(Debug)]
pub struct StandStill {
    _held: mpsc::Sender<()>,
}

impl StandStill {
    /// Stops the paused clock. Without effect on one that is not paused.
    pub fn begin() -> Self {
        let (held, released) = mpsc::channel::<()>();
        // A blocking task keeps a paused clock from moving; this one ends when the sender is dropped.
        tokio::task::spawn_blocking(move || released.recv());
        Self { _held: held }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    fn at(seconds: u64) -> Moment {
        Moment::millis(seconds * 1000)
    }

    #[tokio::test]
    async fn live_time_passes_and_a_moment_that_is_past_is_not_waited_for() {
        let clock = LiveClock::start();
        clock.sleep_until(Moment::millis(30)).await;
        let now = clock.now();
        assert!(now >= Moment::millis(30) && now < at(5), "{now:?}");
        clock.sleep_until(Moment::millis(10)).await;
        assert!(clock.now() - now < Duration::from_secs(5));
        let slept = asleep();
        assert!(asleep().abs_diff(slept) < Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn ten_seconds_at_speed_twenty_take_half_a_second() {
        let clock = PacedClock::start("20x".parse().unwrap());
        let real = std::time::Instant::now();
        clock.sleep_until(at(10)).await;
        let (plan, real) = (clock.now().0, real.elapsed());
        assert!(plan >= at(10).0 && plan < Duration::from_millis(10_010), "{plan:?}");
        assert!(real >= Duration::from_millis(470), "{real:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn at_full_speed_nothing_is_waited_for() {
        let clock = PacedClock::start(Speed::Max);
        let real = std::time::Instant::now();
        clock.sleep_until(at(3600)).await;
        assert!(clock.now() >= at(3600) && real.elapsed() < Duration::from_secs(60));
    }

    /// A server on another thread is slow in real time; while the clock is paced, an exchange with it costs no plan time.
    #[tokio::test(start_paused = true)]
    async fn an_exchange_in_flight_while_pacing_sees_no_time_pass() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            use std::io::{Read as _, Write as _};
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0]).unwrap();
            std::thread::sleep(Duration::from_millis(100));
            stream.write_all(b"y").unwrap();
        });

        let clock = PacedClock::start(Speed::Times(NonZeroU32::new(1).unwrap()));
        // Ahead by 200 ms, to be paid back in real time.
        tokio::time::advance(Duration::from_millis(200)).await;
        let before = clock.now();
        let exchange = async {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            stream.write_all(b"x").await.unwrap();
            stream.read_exact(&mut [0]).await.unwrap();
            clock.now()
        };
        let (answered, ()) = tokio::join!(exchange, clock.catch_up(1));
        assert_eq!(answered, before);
        server.join().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_a_person_took_is_not_run_after() {
        let clock = PacedClock::start(Speed::Times(NonZeroU32::new(100).unwrap()));
        std::thread::sleep(Duration::from_millis(300));
        clock.sleep_until(at(1)).await;
        let real = std::time::Instant::now();
        clock.sleep_until(at(21)).await;
        assert!(real.elapsed() >= Duration::from_millis(150), "{:?}", real.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn time_stands_still_while_it_is_held() {
        let clock = PacedClock::start(Speed::Max);
        let held = StandStill::begin();
        let (answer, asked) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            answer.send(()).unwrap();
        });
        tokio::select! {
            () = clock.sleep_until(at(1)) => panic!("the clock moved"),
            answered = asked => answered.unwrap(),
        }
        drop(held);
        clock.sleep_until(at(1)).await;
    }

    #[test]
    fn speeds_are_read_and_shown() {
        assert_eq!("20".parse(), Ok(Speed::default()));
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!(Speed::default().to_string(), "20×");
        for text in ["0", "-1", "1.5", "", "fast"] {
            assert!(text.parse::<Speed>().is_err(), "{text}");
        }
    }
}
