//! What the driver knows of its orders: which session owns each, under which ClOrdID it stands,
//! and which requests wait for an answer.

use std::collections::{HashMap, HashSet};

use crate::flow::{Fill, FlowAction, FlowCommand, TimeInForce};

/// A request that the venue has not answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) command: FlowCommand,
    /// Index of the session that sent it.
    pub(crate) session: usize,
    /// When it was due, ns since the epoch, UTC: latency is measured from here.
    pub(crate) due_ns: u64,
}

/// An order that may stand at the venue.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) session: usize,
    pub(crate) cl_ord_id: String,
    /// OrderID(37); 0 until the venue has told it.
    order_id: u64,
    side: crate::flow::Side,
}

/// An order as the venue names it. A flow may use one identity again while an older order of it
/// still has something to report.
#[derive(Clone, Copy, Debug)]
struct Standing {
    flow_order_id: u64,
    /// Venue seq of the command that gave it its place last: fills of that seq are aggressive.
    placed_seq: u64,
    immediate: bool,
}

/// One side of a match that the venue must report to a member: the match, and the OrderID of the
/// resting order, or 0 for the aggressor.
type Side = (u64, u64);

/// Orders and requests of all sessions.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    run: String,
    next: u64,
    requests: HashMap<String, Request>,
    /// How many requests of each session wait.
    waiting: Vec<usize>,
    by_flow_id: HashMap<u64, Order>,
    standing: HashMap<u64, Standing>,
    /// Immediate-or-cancel orders whose end has not been reported.
    immediate: usize,
    /// Sides of matches that members have been told of, and not yet found on the feed.
    told: HashSet<Side>,
    /// Newest command of ours that changed something public.
    pub(crate) public_seq: u64,
    /// Newest command of ours that was answered.
    answered: HashSet<u64>,
}

/// A message of the venue about an order, read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report<'a> {
    pub(crate) cl_ord_id: &'a str,
    pub(crate) order_id: u64,
    pub(crate) exec_type: u8,
    pub(crate) ord_status: u8,
    pub(crate) seq: u64,
    pub(crate) last_px: i64,
    pub(crate) last_qty: u64,
    pub(crate) trd_match_id: u64,
}

/// What a report means to the flow.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Meaning {
    /// A request was answered as it was meant.
    Answered(Request),
    /// A request was refused.
    Refused(Request),
    /// An order executed.
    Filled(Fill),
    /// Nothing that the flow must know.
    Nothing,
}

impl Orders {
    /// `run` begins every ClOrdID, so that a second run of the same day has others.
    pub(crate) fn new(run: String) -> Self {
        Self { run, ..Self::default() }
    }

    pub(crate) fn waiting(&self) -> usize {
        self.requests.len()
    }

    /// Immediate-or-cancel orders whose end has not been reported.
    pub(crate) const fn immediate(&self) -> usize {
        self.immediate
    }

    /// Requests of a session that wait.
    pub(crate) fn waiting_of(&self, session: usize) -> usize {
        self.waiting.get(session).copied().unwrap_or(0)
    }

    /// True if a request of another session than `session` waits.
    pub(crate) fn others_wait(&self, session: usize) -> bool {
        self.waiting.iter().enumerate().any(|(other, count)| other != session && *count > 0)
    }

    pub(crate) fn order(&self, flow_order_id: u64) -> Option<&Order> {
        self.by_flow_id.get(&flow_order_id)
    }

    /// Notes a request and names it.
    pub(crate) fn request(&mut self, command: FlowCommand, session: usize, due_ns: u64) -> String {
        self.next += 1;
        let cl_ord_id = format!("{}-{}", self.run, self.next);
        self.requests.insert(cl_ord_id.clone(), Request { command, session, due_ns });
        self.waiting.resize(self.waiting.len().max(session + 1), 0);
        self.waiting[session] += 1;
        if let FlowAction::New { flow_order_id, side, time_in_force, .. } = command.action {
            let order = Order { session, cl_ord_id: cl_ord_id.clone(), order_id: 0, side };
            self.by_flow_id.insert(flow_order_id, order);
            self.immediate += usize::from(time_in_force == TimeInForce::ImmediateOrCancel);
        }
        cl_ord_id
    }

    /// A request has been answered.
    fn answer(&mut self, cl_ord_id: &str) -> Option<Request> {
        let request = self.requests.remove(cl_ord_id)?;
        if let Some(count) = self.waiting.get_mut(request.session) {
            *count -= 1;
        }
        Some(request)
    }

    /// Forgets a request that the venue refused without saying more than its name.
    pub(crate) fn refuse(&mut self, cl_ord_id: &str) -> Meaning {
        self.answer(cl_ord_id).map_or(Meaning::Nothing, |request| {
            if let FlowAction::New { flow_order_id, .. } = request.command.action {
                self.immediate -= usize::from(is_immediate(&request.command));
                if self.by_flow_id.get(&flow_order_id).is_some_and(|o| o.cl_ord_id == cl_ord_id) {
                    self.by_flow_id.remove(&flow_order_id);
                }
            }
            Meaning::Refused(request)
        })
    }

    /// Takes a report of the venue.
    pub(crate) fn take(&mut self, report: &Report<'_>) -> Meaning {
        match report.exec_type {
            b'0' | b'5' => self.placed(report),
            b'8' => self.refuse(report.cl_ord_id),
            b'4' => self.canceled(report),
            b'F' => self.filled(report),
            _ => Meaning::Nothing,
        }
    }

    fn placed(&mut self, report: &Report<'_>) -> Meaning {
        let Some(request) = self.answer(report.cl_ord_id) else { return Meaning::Nothing };
        let Some(flow_order_id) = request.command.action.flow_order_id() else {
            return Meaning::Nothing;
        };
        self.answered.insert(report.seq);
        let immediate = is_immediate(&request.command);
        let standing = Standing { flow_order_id, placed_seq: report.seq, immediate };
        self.standing.insert(report.order_id, standing);
        if let Some(order) = self.by_flow_id.get_mut(&flow_order_id)
            && (order.order_id == report.order_id || order.cl_ord_id == report.cl_ord_id)
        {
            order.cl_ord_id = report.cl_ord_id.to_owned();
            order.order_id = report.order_id;
        }
        if !immediate {
            self.public_seq = self.public_seq.max(report.seq);
        }
        Meaning::Answered(request)
    }

    fn canceled(&mut self, report: &Report<'_>) -> Meaning {
        self.gone(report.order_id);
        match self.answer(report.cl_ord_id) {
            Some(request) => {
                self.public_seq = self.public_seq.max(report.seq);
                Meaning::Answered(request)
            }
            None => Meaning::Nothing,
        }
    }

    fn filled(&mut self, report: &Report<'_>) -> Meaning {
        let Some(standing) = self.standing.get(&report.order_id).copied() else {
            return Meaning::Nothing;
        };
        let flow_order_id = standing.flow_order_id;
        self.public_seq = self.public_seq.max(report.seq);
        let resting = standing.placed_seq != report.seq;
        self.told.insert((report.trd_match_id, if resting { report.order_id } else { 0 }));
        if report.ord_status == b'2' {
            self.gone(report.order_id);
        }
        let (last_px, last_qty) = (report.last_px, report.last_qty);
        Meaning::Filled(Fill { flow_order_id, resting, last_px, last_qty })
    }

    /// The venue has reported the end of an order.
    fn gone(&mut self, order_id: u64) {
        let Some(standing) = self.standing.remove(&order_id) else { return };
        self.immediate -= usize::from(standing.immediate);
        if self.by_flow_id.get(&standing.flow_order_id).is_some_and(|o| o.order_id == order_id) {
            self.by_flow_id.remove(&standing.flow_order_id);
        }
    }

    /// A match on the feed, whose sides members must have been told of: the sides that are ours and
    /// not yet told. Foreign ones are none of our business.
    pub(crate) fn is_told(&mut self, trade: &FeedTrade) -> bool {
        let resting = (trade.trd_match_id, trade.order_id);
        let aggressor = (trade.trd_match_id, 0);
        let owes_resting =
            self.standing.contains_key(&trade.order_id) && !self.told.contains(&resting);
        let owes_aggressor =
            !trade.uncross && self.answered.contains(&trade.seq) && !self.told.contains(&aggressor);
        if owes_resting || owes_aggressor {
            return false;
        }
        self.told.remove(&resting);
        if !trade.uncross {
            self.told.remove(&aggressor);
        }
        true
    }

    /// True when every request is answered and every immediate order has ended.
    pub(crate) fn is_quiet(&self) -> bool {
        self.requests.is_empty() && self.immediate == 0
    }

    /// Forgets what was only kept to find the aggressors of settled commands.
    pub(crate) fn settled(&mut self) {
        self.answered.clear();
        self.told.clear();
    }
}

impl Order {
    /// The code of Side(54).
    pub(crate) const fn fix_side(&self) -> u8 {
        fix_side(self.side)
    }
}

const fn is_immediate(command: &FlowCommand) -> bool {
    matches!(command.action, FlowAction::New { time_in_force: TimeInForce::ImmediateOrCancel, .. })
}

/// The code of Side(54).
pub(crate) const fn fix_side(side: crate::flow::Side) -> u8 {
    match side {
        crate::flow::Side::Buy => b'1',
        crate::flow::Side::Sell => b'2',
    }
}

/// An execution as the feed tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FeedTrade {
    pub(crate) seq: u64,
    pub(crate) trd_match_id: u64,
    pub(crate) order_id: u64,
    pub(crate) uncross: bool,
}
