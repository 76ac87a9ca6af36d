//! Commands, events and ring records, generated from core/schema.
