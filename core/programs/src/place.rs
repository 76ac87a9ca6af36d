//! The folders of a running venue: made, locked against a second one, and left empty.

use std::fs::{File, OpenOptions};

use touchline_config::{RunFile, Venue};

use crate::Failure;

/// A role's hold on the folders of a venue. Given back when dropped.
#[derive(Debug)]
pub struct Place {
    _lock: File,
}

impl Place {
    /// Makes both folders and takes the lock of a role (`engine`, `gateway`, `publisher`).
    ///
    /// # Errors
    ///
    /// If a folder cannot be made, or another process holds the role.
    pub fn take(venue: &Venue, role: &str) -> Result<Self, Failure> {
        for folder in [&venue.run_dir, &venue.data_dir] {
            std::fs::create_dir_all(folder)
                .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        }
        let path = venue.data_dir.join(format!("{role}.lock"));
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| format!("cannot open {}: {error}", path.display()))?;
        lock.try_lock().map_err(|_| {
            format!(
                "another {role} of venue {} runs already (it holds {}); stop it first",
                venue.name,
                path.display()
            )
        })?;
        Ok(Self { _lock: lock })
    }

    /// Removes what a venue that has stopped had in its run folder, and the folder if nothing
    /// else is in it: it is the configuration's choice, and may be anybody's.
    pub fn clear(venue: &Venue) {
        for file in RunFile::ALL {
            let path = venue.run_file(file);
            let _ = std::fs::remove_file(path.with_extension("new"));
            let _ = std::fs::remove_file(path);
        }
        let _ = std::fs::remove_dir(&venue.run_dir);
    }
}
