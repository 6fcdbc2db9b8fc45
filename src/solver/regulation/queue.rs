//! Actions waiting for their time.

/// A waiting action's number, to take it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Handle(u64);

/// Actions in the order of their time; of equal times the newest comes first, as in OpenDSS.
#[derive(Debug)]
pub(super) struct Queue<T> {
    waiting: Vec<(f64, Handle, T)>,
    made: u64,
}

impl<T: Copy> Queue<T> {
    pub(super) fn with_capacity(actions: usize) -> Self {
        Self { waiting: Vec::with_capacity(actions), made: 0 }
    }

    pub(super) fn push(&mut self, at_s: f64, action: T) -> Handle {
        self.made += 1;
        let handle = Handle(self.made);
        let place = self.waiting.partition_point(|(t, _, _)| *t < at_s);
        self.waiting.insert(place, (at_s, handle, action));
        handle
    }

    pub(super) fn remove(&mut self, handle: Handle) {
        self.waiting.retain(|(_, h, _)| *h != handle);
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    pub(super) fn first_time_s(&self) -> Option<f64> {
        self.waiting.first().map(|(t, _, _)| *t)
    }

    /// Takes the first action that is due by a time.
    pub(super) fn pop(&mut self, by_s: f64) -> Option<T> {
        let due = self.waiting.first().is_some_and(|(t, _, _)| *t <= by_s);
        due.then(|| self.waiting.remove(0).2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earliest_first_and_newest_first_among_equals() {
        let mut queue = Queue::with_capacity(4);
        queue.push(30.0, 'c');
        queue.push(15.0, 'a');
        queue.push(15.0, 'b');
        let late = queue.push(20.0, 'd');
        queue.remove(late);
        assert_eq!(queue.pop(10.0), None);
        assert_eq!([queue.pop(15.0), queue.pop(15.0), queue.pop(15.0)], [Some('b'), Some('a'), None]);
        assert_eq!(queue.first_time_s(), Some(30.0));
    }
}
