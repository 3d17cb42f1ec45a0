//! Orders to sending, in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use fanfare_core::sending::SendingOrder;

use super::MemoryStore;
use crate::sending_orders::SendingOrders;
use crate::store::StoreError;

#[async_trait]
impl SendingOrders for MemoryStore {
    async fn keep_sending_order(&self, order: &SendingOrder) -> Result<u64, StoreError> {
        let orders = &mut self.lock().sending_orders;
        orders.push(order.clone());
        Ok(orders.len() as u64)
    }

    async fn sending_orders(&self) -> Result<Vec<(u64, SendingOrder)>, StoreError> {
        let memory = self.lock();
        let mut last = BTreeMap::new();
        for (number, order) in (1..).zip(&memory.sending_orders) {
            last.insert(order.scope.clone(), (number, order.clone()));
        }
        Ok(last.into_values().collect())
    }
}
