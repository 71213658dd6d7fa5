//! The end of requests: what came of them into other hands, and only then an answer to each sender.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Waker};

use super::delivery::hand_over;
use super::scheduler::Owner;
use super::shared::Shared;
use super::work::{RanBatch, RequestWork, Work};
use crate::panics::Contained;
use crate::refusal::Refusal;

impl Shared {
    /// Hands over what came of a batch, and answers its senders. That is done here and now if nothing has to be waited for, and
    /// otherwise in a task: whatever becomes of a sender, a batch is not left half delivered.
    pub(super) fn finish(self: &Arc<Self>, owner: &Owner, ran: RanBatch) {
        let (shared, owner) = (Arc::clone(self), owner.clone());
        let mut finishing = Box::pin(async move { shared.hand_over(&owner, ran).await });
        let _entered = self.runtime.enter();
        let mut nobody = Context::from_waker(Waker::noop());
        if finishing.as_mut().poll(&mut nobody).is_pending() {
            self.tasks
                .spawn_on(Contained::new(finishing), &self.runtime);
        }
    }

    async fn hand_over(&self, owner: &Owner, ran: RanBatch) {
        let RanBatch {
            deliveries,
            memory,
            requests,
        } = ran;
        match hand_over(&deliveries).await {
            Ok(batches) => {
                batches.into_iter().for_each(|batch| self.enqueue(batch));
                for delivery in deliveries {
                    delivery.commit(&self.losses);
                }
                drop(memory);
                for (request, items) in requests {
                    request.answer(items, Ok(()));
                }
                self.has_room();
            }
            Err(refusal) => {
                drop((deliveries, memory));
                self.refuse(owner, requests, refusal);
            }
        }
    }

    /// Sees to requests whose batch nobody took. Those that shared it are run again, each by itself, unless a backend has just said that it
    /// takes nothing: what it was asked for does not matter then.
    fn refuse(&self, owner: &Owner, requests: Vec<(RequestWork, u64)>, refusal: Refusal) {
        let is_backends = matches!(
            refusal,
            Refusal::Backend {
                is_retryable: true,
                ..
            }
        );
        if requests.len() < 2 || is_backends {
            for (request, items) in requests {
                request.answer(items, Err(refusal.clone()));
            }
            return;
        }
        if let Some((first, _)) = requests.first() {
            first.pending.pause();
        }
        for (RequestWork { pending, reply }, items) in requests {
            let pending = pending.alone();
            let work = Work::Request(RequestWork { pending, reply });
            if let Err(Work::Request(late)) = self.scheduler.add_now(owner.clone(), work) {
                late.answer(items, Err(refusal.clone()));
            }
        }
    }
}
