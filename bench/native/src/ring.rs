//! A record there and back over two command rings, between two threads on processors of their own:
//! twice what a hop between two agents costs, without what they do with the record. Once with both
//! threads looking all the time, once with both asleep until a bell rings, as the default profile
//! has it. Beside it a channel of the standard library.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::time::Instant;

use serde_json::{Value, json};
use touchline_ring::{SpscConsumer, SpscProducer, spsc};
use touchline_sys::{EventBell, Interest, Poller, SharedMap, pin_to_cpu};
use touchline_types::{Command, CommandKind};

use crate::distribution::Distribution;

const CAPACITY: usize = 1 << 10;
/// Round trips that are not counted.
const WARM_UP: u64 = 10_000;
/// A sleeping thread costs a thousand times as much.
const PARKED_SHARE: u64 = 10;
/// Longest sleep, ns: a wake that is lost is seen as that.
const SLEEP_NS: u64 = 1_000_000_000;

type Shared = Arc<SharedMap>;

/// The far end of a way: takes a record, and gives one.
trait Ends {
    fn give(&mut self, command: Command) -> Result<(), String>;
    fn take(&mut self) -> Result<Command, String>;
}

/// Round trips over each of the ways.
pub(crate) fn measure(cpus: [usize; 2], rounds: u64) -> Result<Value, String> {
    let spun = round_trips(cpus, rounds, rings(false)?)?;
    let parked = round_trips(cpus, rounds / PARKED_SHARE, rings(true)?)?;
    let peer = round_trips(cpus, rounds, channels())?;
    Ok(json!({
        "cpus": cpus,
        "spinning": spun.json(),
        "parked": parked.json(),
        "channel": peer.json(),
    }))
}

fn round_trips<E: Ends + Send>(
    cpus: [usize; 2],
    rounds: u64,
    (mut here, mut there): (E, E),
) -> Result<Distribution, String> {
    let rounds = WARM_UP.min(rounds) + rounds;
    std::thread::scope(|scope| {
        let echo = scope.spawn(move || -> Result<(), String> {
            pin_to_cpu(cpus[1]).map_err(|error| error.to_string())?;
            for _ in 0..rounds {
                let command = there.take()?;
                there.give(command)?;
            }
            Ok(())
        });
        pin_to_cpu(cpus[0]).map_err(|error| error.to_string())?;
        let mut told = Distribution::new();
        for round in 1..=rounds {
            let begin = Instant::now();
            here.give(Command { seq: round, ..Command::of(CommandKind::NewOrder) })?;
            let back = here.take()?;
            if back.seq != round {
                return Err(format!("record {} came back instead of {round}", back.seq));
            }
            if round > WARM_UP.min(rounds / 2) {
                told.record(begin.elapsed());
            }
        }
        echo.join().map_err(|_| "the other thread has ended".to_owned())??;
        Ok(told)
    })
}

/// One end of two rings.
struct Rings {
    out: SpscProducer<Command, Shared>,
    into: SpscConsumer<Command, Shared>,
    /// Rings the other one, and is rung.
    sleep: Option<(EventBell, EventBell, Poller)>,
}

fn rings(sleep: bool) -> Result<(Rings, Rings), String> {
    let (asked, answered) = (ring("asked")?, ring("answered")?);
    let end = |out: &Shared, into: &Shared| -> Result<Rings, String> {
        Ok(Rings {
            out: SpscProducer::attach(Arc::clone(out)).map_err(|error| error.to_string())?,
            into: SpscConsumer::attach(Arc::clone(into)).map_err(|error| error.to_string())?,
            sleep: None,
        })
    };
    let (mut here, mut there) = (end(&asked, &answered)?, end(&answered, &asked)?);
    if sleep {
        let bells = || -> Result<(EventBell, EventBell, Poller), touchline_sys::SysError> {
            let bell = EventBell::create()?;
            let poller = Poller::new(1)?;
            poller.add(bell.fd(), 0, Interest::Edge)?;
            Ok((EventBell::of(bell.share()?), bell, poller))
        };
        let (ring_here, own_here, poller_here) = bells().map_err(|error| error.to_string())?;
        let (ring_there, own_there, poller_there) = bells().map_err(|error| error.to_string())?;
        here.sleep = Some((ring_there, own_here, poller_here));
        there.sleep = Some((ring_here, own_there, poller_there));
    }
    Ok((here, there))
}

fn ring(name: &str) -> Result<Shared, String> {
    let path = PathBuf::from(format!("/dev/shm/touchline-bench-{name}-{}", std::process::id()));
    let made = make(&path);
    let _ = std::fs::remove_file(&path);
    made
}

fn make(path: &Path) -> Result<Shared, String> {
    let bytes = touchline_ring::layout::ring_bytes(size_of::<Command>(), CAPACITY);
    let map = Arc::new(SharedMap::create(path, bytes).map_err(|error| error.to_string())?);
    spsc::create::<Command>(&map, CAPACITY).map_err(|error| error.to_string())?;
    Ok(map)
}

impl Ends for Rings {
    fn give(&mut self, command: Command) -> Result<(), String> {
        self.out.push(&command).map_err(|full| format!("{full:?}"))?;
        if self.out.flush()
            && let Some((other, ..)) = &self.sleep
        {
            other.ring();
        }
        Ok(())
    }

    fn take(&mut self) -> Result<Command, String> {
        loop {
            match self.into.pop() {
                Ok(Some(command)) => {
                    self.into.release();
                    return Ok(command);
                }
                Ok(None) => {}
                Err(error) => return Err(error.to_string()),
            }
            let Some((_, _, poller)) = &mut self.sleep else {
                std::hint::spin_loop();
                continue;
            };
            if self.into.park() {
                let mut ready = Vec::new();
                poller.wait(Some(SLEEP_NS), &mut ready).map_err(|error| error.to_string())?;
            }
            self.into.unpark();
        }
    }
}

/// One end of two channels, spinning as well.
struct Channels {
    out: SyncSender<Command>,
    into: Receiver<Command>,
}

fn channels() -> (Channels, Channels) {
    let (asks, asked) = sync_channel(CAPACITY);
    let (answers, answered) = sync_channel(CAPACITY);
    (Channels { out: asks, into: answered }, Channels { out: answers, into: asked })
}

impl Ends for Channels {
    fn give(&mut self, command: Command) -> Result<(), String> {
        match self.out.try_send(command) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err("full".into()),
        }
    }

    fn take(&mut self) -> Result<Command, String> {
        loop {
            match self.into.try_recv() {
                Ok(command) => return Ok(command),
                Err(TryRecvError::Empty) => std::hint::spin_loop(),
                Err(TryRecvError::Disconnected) => return Err("the other end has gone".into()),
            }
        }
    }
}
