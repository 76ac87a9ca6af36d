//! Orders over FIX to a running venue, at set times and not one after the other: an answer that is
//! late makes the next ones late, too, and that counts. Each order finds nobody, and is cancelled
//! when it has been accepted.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use touchline_fix::{Message, tags};
use touchline_members::drive::Client;
use touchline_sys::{Interest, Poller, now_ns};

use crate::distribution::Distribution;
use crate::loopback;

/// How long the venue has for a Logon, and for the answers that are open at the end.
const PATIENCE: Duration = Duration::from_secs(10);
/// Orders that are sent before those that count.
const WARM_UP: u64 = 200;
const NAME: &str = "bench-";

/// What is sent, and where.
#[derive(Debug)]
pub(crate) struct Flow {
    pub(crate) address: SocketAddr,
    pub(crate) comp_id: String,
    pub(crate) venue_comp_id: String,
    pub(crate) symbol: String,
    pub(crate) price: String,
    pub(crate) rate: u32,
    pub(crate) seconds: u32,
}

/// What has come back.
#[derive(Debug)]
struct Answers {
    /// Orders accepted so far; they are accepted in the order that they were sent in.
    accepted: u64,
    ended: u64,
    refused: Option<String>,
    /// From when an order was to be sent to when it was, and to its acceptance.
    late: Distribution,
    told: Distribution,
    start: Instant,
    every: Duration,
}

/// From when an order was to be sent to its acceptance; and the loopback's own time.
pub(crate) fn measure(flow: &Flow) -> Result<Value, String> {
    if flow.rate == 0 || flow.seconds == 0 {
        return Err("--rate and --seconds must be at least 1".into());
    }
    let every = Duration::from_secs(1) / flow.rate;
    let count = u64::from(flow.rate) * u64::from(flow.seconds);
    let floor = loopback::measure(count, every)?;
    let mut client = Client::new(&flow.comp_id, &flow.venue_comp_id, flow.address)
        .map_err(|error| error.to_string())?;
    let mut answers = Answers {
        accepted: 0,
        ended: 0,
        refused: None,
        late: Distribution::new(),
        told: Distribution::new(),
        start: Instant::now(),
        every,
    };
    let poller = logon(&mut client, &mut answers)?;
    play(flow, WARM_UP + count, &mut client, poller, &mut answers)?;
    client.logout(now_ns());
    Ok(json!({
        "rate_per_s": flow.rate,
        "order_to_acceptance": answers.told.json(),
        "late": answers.late.json(),
        "floor": floor.json(),
    }))
}

fn logon(client: &mut Client, answers: &mut Answers) -> Result<Poller, String> {
    if !client.connect(now_ns()) {
        return Err("the venue does not accept connections".into());
    }
    let poller = Poller::new(1).map_err(|error| error.to_string())?;
    if let Some(fd) = client.fd() {
        poller.add(fd, 0, Interest::Read).map_err(|error| error.to_string())?;
    }
    let end = Instant::now() + PATIENCE;
    while !client.is_logged_on() {
        if Instant::now() > end || !client.is_connected() {
            return Err(format!("no Logon: {:?}", client.last_reason()));
        }
        client.pump(now_ns(), |message| answers.take(message));
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(poller)
}

fn play(
    flow: &Flow,
    count: u64,
    client: &mut Client,
    mut poller: Poller,
    answers: &mut Answers,
) -> Result<(), String> {
    answers.start = Instant::now();
    let (mut sent, mut cancelled, mut ready) = (0, 0, Vec::new());
    let end = answers.start + answers.every * u32::try_from(count).unwrap_or(u32::MAX) + PATIENCE;
    while answers.ended < count {
        client.pump(now_ns(), |message| answers.take(message));
        if let Some(refused) = answers.refused.take() {
            return Err(format!("the venue answered {refused}"));
        }
        if !client.is_connected() || Instant::now() > end {
            return Err(format!("{} of {count} orders were answered", answers.ended));
        }
        let due = answers.due(sent);
        if sent < count && Instant::now() >= due {
            if sent >= WARM_UP {
                answers.late.record(due.elapsed());
            }
            order(flow, sent, client)?;
            sent += 1;
            continue;
        }
        if cancelled < answers.accepted {
            cancel(flow, cancelled, client)?;
            cancelled += 1;
            continue;
        }
        let until = if sent < count { due } else { end };
        let wait = until.saturating_duration_since(Instant::now());
        ready.clear();
        let wait_ns = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        poller.wait(Some(wait_ns), &mut ready).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn order(flow: &Flow, number: u64, client: &mut Client) -> Result<(), String> {
    let now = now_ns();
    let sent = client.send(now, b"D", |writer| {
        writer
            .text(tags::CL_ORD_ID, &format!("{NAME}{number}"))
            .text(tags::SYMBOL, &flow.symbol)
            .char(tags::SIDE, b'1')
            .utc_timestamp(tags::TRANSACT_TIME, now)
            .u64(tags::ORDER_QTY, 1)
            .char(tags::ORD_TYPE, b'2')
            .text(tags::PRICE, &flow.price);
    });
    sent.map_err(|error| error.to_string())
}

fn cancel(flow: &Flow, number: u64, client: &mut Client) -> Result<(), String> {
    let now = now_ns();
    let sent = client.send(now, b"F", |writer| {
        writer
            .text(tags::ORIG_CL_ORD_ID, &format!("{NAME}{number}"))
            .text(tags::CL_ORD_ID, &format!("{NAME}{number}-c"))
            .text(tags::SYMBOL, &flow.symbol)
            .char(tags::SIDE, b'1')
            .utc_timestamp(tags::TRANSACT_TIME, now)
            .u64(tags::ORDER_QTY, 1);
    });
    sent.map_err(|error| error.to_string())
}

impl Answers {
    fn due(&self, number: u64) -> Instant {
        self.start + self.every * u32::try_from(number).unwrap_or(u32::MAX)
    }

    fn take(&mut self, message: &Message<'_>) {
        match message.get(tags::EXEC_TYPE) {
            Some(b"0") => {
                if self.accepted >= WARM_UP {
                    self.told.record(self.due(self.accepted).elapsed());
                }
                self.accepted += 1;
            }
            Some(b"4") => self.ended += 1,
            _ => {
                self.refused = Some(String::from_utf8_lossy(message.bytes()).replace('\u{1}', "|"))
            }
        }
    }
}
