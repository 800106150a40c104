//! Stopping in order: one request, seen by every task.
//!
//! Invariant: the first SIGTERM or SIGINT asks all tasks to finish; a second one ends the process
//! at once. Either is safe: what was acknowledged is on disk.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Exit code of a process ended by a second signal.
const EXIT_FORCED: i32 = 130;

/// Whether the node is to stop. Clones see the same request.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

/// Asks the node to stop.
#[derive(Clone, Debug)]
pub struct StopSender(watch::Sender<bool>);

/// A request that was not made yet. When every sender is gone, it counts as made.
pub fn channel() -> (StopSender, Stop) {
    let (sender, receiver) = watch::channel(false);
    (StopSender(sender), Stop(receiver))
}

/// Like [`channel`], with the signals of the system as a sender. Needs a tokio runtime.
pub fn on_signals() -> std::io::Result<(StopSender, Stop)> {
    let (sender, stop) = channel();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let on_signal = sender.clone();
    tokio::spawn(async move {
        for first in [true, false] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if first {
                tracing::info!("stopping; a second signal ends the process at once");
                on_signal.stop();
            } else {
                std::process::exit(EXIT_FORCED);
            }
        }
    });
    Ok((sender, stop))
}

impl StopSender {
    /// Asks.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Waits for the request.
    pub async fn requested(&mut self) {
        // An error means that nobody is left who could ask: that is a request too.
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// Whether it was made.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }
}
