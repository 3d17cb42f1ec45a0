//! Orders to breakers, in memory.

use async_trait::async_trait;
use fanfare_core::channel::Channel;
use fanfare_core::resilience::breaker::BreakerOrder;

use super::MemoryStore;
use crate::breaker_orders::BreakerOrders;
use crate::store::StoreError;

#[async_trait]
impl BreakerOrders for MemoryStore {
    async fn keep_breaker_order(&self, order: &BreakerOrder) -> Result<u64, StoreError> {
        let orders = &mut self.lock().breaker_orders;
        orders.push(order.clone());
        Ok(orders.len() as u64)
    }

    async fn breaker_orders(&self) -> Result<Vec<(u64, BreakerOrder)>, StoreError> {
        let memory = self.lock();
        let numbered = (1..).zip(&memory.breaker_orders);
        let last = |channel| numbered.clone().filter(|(_, order)| order.channel == channel).last();
        let last = Channel::ALL.into_iter().filter_map(last);
        Ok(last.map(|(number, order)| (number, order.clone())).collect())
    }
}
