//! The programs: engine, gateway, publisher, and the composite venue.
