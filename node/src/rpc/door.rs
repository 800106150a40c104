//! The node's mempool as the interface sees it.

use std::future::Future;
use std::pin::Pin;

use titian_contracts::error::Reject;
use titian_contracts::transaction::TransactionId;

use super::{Admission, Waiting};
use crate::mempool::Mempool;

impl Admission for Mempool {
    fn submit(
        &self,
        bytes: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<TransactionId, Reject>> + Send + '_>> {
        Box::pin(Self::submit(self, bytes))
    }

    fn waiting(&self) -> Waiting {
        let status = self.status();
        Waiting { transactions: status.transactions, bytes: status.bytes }
    }
}
