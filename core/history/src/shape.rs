//! The shape of a venue: what of its configuration decides how a journal replays. It stands as
//! text beside the journal, so that a journal is never replayed into other instruments or limits.

use std::fmt::Write;

use crate::HistoryError;
use touchline_config::Venue;

/// Compares the shape beside the journal with the venue, and writes it where there is none.
pub(crate) fn check(venue: &Venue) -> Result<(), HistoryError> {
    let path = venue.journal_dir().join("shape.txt");
    let here = shape(venue);
    match std::fs::read_to_string(&path) {
        Ok(there) => match there.lines().zip(here.lines()).find(|(there, here)| there != here) {
            Some((there, here)) => Err(HistoryError::OtherVenue(path, there.into(), here.into())),
            None if there.lines().count() == here.lines().count() => Ok(()),
            None => Err(HistoryError::OtherVenue(
                path,
                format!("{} lines", there.lines().count()),
                format!("{} lines", here.lines().count()),
            )),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let write = || {
                std::fs::create_dir_all(venue.journal_dir())?;
                let fresh = path.with_extension(format!("new.{}", std::process::id()));
                std::fs::write(&fresh, &here)?;
                std::fs::rename(&fresh, &path)
            };
            write().map_err(|error| HistoryError::Shape(path.clone(), error))
        }
        Err(error) => Err(HistoryError::Shape(path, error)),
    }
}

fn shape(venue: &Venue) -> String {
    let mut text = String::new();
    let engine = &venue.engine;
    let _ = writeln!(
        text,
        "capacity: {} orders, {} levels, {} ClOrdIDs, {} accounts",
        engine.max_open_orders, engine.max_levels, engine.max_cl_ord_ids, engine.max_accounts
    );
    for instrument in &venue.instruments {
        let _ = writeln!(
            text,
            "instrument {} {}: increment {}, price {}..{}, lot {}, order {}, phase {:?}, \
             tick {}, lots of {}, protection {}, band {}",
            instrument.id,
            instrument.symbol,
            instrument.price_increment,
            instrument.min_price,
            instrument.max_price,
            instrument.round_lot,
            instrument.max_order_qty,
            instrument.phase,
            instrument.tick_size,
            instrument.lot_size,
            instrument.protection,
            instrument.price_band
        );
    }
    for session in &venue.sessions {
        let _ = writeln!(
            text,
            "session {} of member {}: {}",
            session.id, session.member_id, session.comp_id
        );
    }
    // Limits are not here: the journal holds them as commands.
    for strategy in &venue.strategies {
        let _ = writeln!(
            text,
            "strategy {} of member {}: {}",
            strategy.id, strategy.member_id, strategy.name
        );
    }
    text
}
