//! Logs and figures. All figures of the node stand in one table here, with their help texts.
//!
//! Invariant: a figure is named `titian_<module>_<what>_<unit>` and listed once; counters gain
//! `_total` when printed. Logs hold ids, heights and counts, never bodies, names or keys.

use std::io::IsTerminal as _;
use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry as LogRegistry, fmt, reload};

use crate::config::LogFormat;

/// A number that goes up and down.
pub type Level = Gauge<i64, AtomicI64>;

macro_rules! figures {
    ($($group:ident, $module:literal, $about:literal {
        $($field:ident: $kind:ty, $what:literal, $help:literal;)*
    })*) => {
        $(
            #[doc = $about]
            #[derive(Clone, Debug, Default)]
            pub struct $group {
                $(#[doc = $help] pub $field: $kind,)*
            }

            impl $group {
                /// Registers the group's figures.
                pub fn register(&self, registry: &mut Registry) {
                    $(registry.register(
                        concat!("titian_", $module, "_", $what),
                        $help,
                        self.$field.clone(),
                    );)*
                }
            }
        )*

        /// Name and help text of every figure, for the documentation.
        pub const FIGURES: &[(&str, &str)] =
            &[$($((concat!("titian_", $module, "_", $what), $help),)*)*];
    };
}

figures! {
    MempoolMetrics, "mempool", "Figures of the mempool." {
        transactions: Level, "transactions", "transactions that wait for a block";
        bytes: Level, "bytes", "bytes that wait for a block";
        admitted: Counter, "admitted_transactions", "transactions admitted";
        refused: Counter, "refused_transactions", "transactions refused by a rule";
        busy: Counter, "busy_transactions", "transactions refused for lack of room";
        expired: Counter, "expired_transactions", "transactions that waited too long";
        peer_dropped: Counter, "peer_dropped_transactions", "transactions of peers dropped for lack of room";
    }
    GossipMetrics, "gossip", "Figures of the mempool's network." {
        peers: Level, "connected_peers", "peers connected";
        sent_batches: Counter, "sent_batches", "batches sent";
        received_batches: Counter, "received_batches", "batches received";
        invalid_batches: Counter, "invalid_batches", "batches received that break the format";
        banned: Counter, "banned_peers", "peers disconnected for what they sent";
        refused_connections: Counter, "refused_connections", "connections of strangers, or beyond a limit";
    }
    EnvelopeMetrics, "envelopes", "Figures of the sealed contents." {
        kept: Level, "kept_envelopes", "sealed contents kept";
        bytes: Level, "kept_bytes", "bytes of sealed contents, with what is coming";
        queued: Level, "queued_deliveries", "deliveries that wait for other nodes";
        delivered: Counter, "done_deliveries", "deliveries and erasures that other nodes acknowledged";
        received: Counter, "received_envelopes", "sealed contents that came from other nodes";
        refused: Counter, "refused_deliveries", "deliveries that other nodes refused for good";
        expired: Counter, "expired_deliveries", "deliveries given up after 30 days";
    }
}

/// The figures as `/metrics` prints them.
pub fn print_figures(registry: &Registry) -> String {
    let mut page = String::new();
    text::encode(&mut page, registry).expect("writing to memory cannot fail");
    page
}

/// Changes the log level of a running node.
#[derive(Clone, Debug)]
pub struct LogControl(reload::Handle<EnvFilter, LogRegistry>);

/// Why logs cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level is neither a level nor a filter.
    #[error(
        "log level is not understood: use error, warn, info, debug, trace or a filter such as info,titian_node::gossip=debug"
    )]
    Level,
    /// Another logger runs in this process, or the running one is gone.
    #[error("logs cannot be set up: {reason}")]
    Setup {
        /// What the library says.
        reason: String,
    },
}

/// Starts logging to standard error.
pub fn start_logs(level: &str, format: LogFormat) -> Result<LogControl, LogError> {
    let (filter, handle) = reload::Layer::new(parse_level(level)?);
    let layers = LogRegistry::default().with(filter);
    let started = match format {
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal();
            layers.with(fmt::layer().with_ansi(colours).with_writer(std::io::stderr)).try_init()
        }
        LogFormat::Json => layers
            .with(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr))
            .try_init(),
    };
    started.map_err(|e| LogError::Setup { reason: e.to_string() })?;
    Ok(LogControl(handle))
}

/// Whether a level or filter is understood.
pub fn parse_level(level: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::try_new(level).map_err(|_| LogError::Level)
}

impl LogControl {
    /// Sets the level or filter from now on.
    pub fn set_level(&self, level: &str) -> Result<(), LogError> {
        let filter = parse_level(level)?;
        self.0.reload(filter).map_err(|e| LogError::Setup { reason: e.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_named_by_module_what_and_unit_and_printed() {
        let mut registry = Registry::default();
        MempoolMetrics::default().register(&mut registry);
        GossipMetrics::default().register(&mut registry);
        EnvelopeMetrics::default().register(&mut registry);
        let page = print_figures(&registry);
        for (name, help) in FIGURES {
            assert!(name.starts_with("titian_") && name.split('_').count() >= 3, "{name}");
            assert!(page.contains(name), "{name}");
            assert!(page.contains(help), "{name}");
        }
    }
}
