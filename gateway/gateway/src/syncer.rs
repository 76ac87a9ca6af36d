//! Puts the session logs on the disk in a thread of its own, since fdatasync may take milliseconds.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

/// The thread and the way to it. Dropped, it finishes what it was given.
#[derive(Debug)]
pub(crate) struct Syncer {
    files: Option<SyncSender<Vec<Arc<File>>>>,
    thread: Option<JoinHandle<()>>,
    failed: Arc<AtomicU64>,
}

impl Syncer {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// What the system says to a new thread.
    pub(crate) fn start() -> Result<Self, std::io::Error> {
        let (files, given) = sync_channel::<Vec<Arc<File>>>(1);
        let failed = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&failed);
        let thread = std::thread::Builder::new().name("gateway-sync".into()).spawn(move || {
            for file in given.into_iter().flatten() {
                if file.sync_data().is_err() {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        })?;
        Ok(Self { files: Some(files), thread: Some(thread), failed })
    }

    /// Hands files over; gives them back if the thread is still at the last but one batch.
    pub(crate) fn sync(&self, files: Vec<Arc<File>>) -> Vec<Arc<File>> {
        match self.files.as_ref().map(|sender| sender.try_send(files)) {
            Some(Err(TrySendError::Full(files) | TrySendError::Disconnected(files))) => files,
            _ => Vec::new(),
        }
    }

    /// Files that the system would not put on the disk.
    #[must_use]
    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.files = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
