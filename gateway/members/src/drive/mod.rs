//! Drives a flow through real FIX sessions, watches the public feed, and proves that both tell
//! the same story.
//!
//! The driver is a member's own program, not a part of the venue: it sees what members see. It runs
//! on one thread and sleeps whenever it has to wait.

mod client;
mod driver;
mod feed;
mod orders;
mod report;
mod wire;

pub use client::{Client, ClientError};
pub use driver::{Driver, DriverError, Options};
pub use report::{Progress, Summary};

use crate::flow::{BookPlan, Event, FileBook, Flow, MarketPlan, ReadError, Side, Synthetic};

/// A flow, and what a venue's book is compared with while it plays.
pub trait Played: Flow {
    /// The book that the venue must show at every event end, or `None` if there is none to compare.
    fn file_book(&self) -> Option<&FileBook>;

    /// Levels of that book which changed since the last call.
    fn take_touched(&mut self) -> Vec<(Side, i64)>;

    /// What the flow itself has counted, for the summary.
    fn findings(&self) -> serde_json::Value;
}

impl<I: Iterator<Item = Result<Event, ReadError>>> Played for BookPlan<I> {
    fn file_book(&self) -> Option<&FileBook> {
        Some(Self::file_book(self))
    }

    fn take_touched(&mut self) -> Vec<(Side, i64)> {
        Self::take_touched(self)
    }

    fn findings(&self) -> serde_json::Value {
        serde_json::json!({
            "as": "book",
            "unexpected_fills": self.unexpected_fills(),
            "refused": self.refused(),
        })
    }
}

impl<I: Iterator<Item = Result<Event, ReadError>>> Played for MarketPlan<I> {
    fn file_book(&self) -> Option<&FileBook> {
        Some(Self::file_book(self))
    }

    fn take_touched(&mut self) -> Vec<(Side, i64)> {
        Self::take_touched(self)
    }

    fn findings(&self) -> serde_json::Value {
        let counts = self.fill_counts();
        let classes: serde_json::Map<String, serde_json::Value> = crate::flow::Divergence::ALL
            .into_iter()
            .map(|class| (class.label().to_owned(), counts.of(class).into()))
            .collect();
        serde_json::json!({
            "as": "market",
            "reported_fills": counts.reported(),
            "exact_per_10_000": counts.exact_per_10_000(),
            "classes": classes,
            "extra": counts.extra,
            "opening": counts.opening,
            "opening_exact": counts.opening_exact,
            "repairs": self.repairs(),
            "refused": self.refused(),
        })
    }
}

impl Played for Synthetic {
    fn file_book(&self) -> Option<&FileBook> {
        None
    }

    fn take_touched(&mut self) -> Vec<(Side, i64)> {
        Vec::new()
    }

    fn findings(&self) -> serde_json::Value {
        serde_json::json!({
            "as": "synthetic",
            "orders_standing": self.order_count(),
            "refused": self.refused(),
        })
    }
}
