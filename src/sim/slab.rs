//! A box of numbered places: what is put in keeps its number until it is taken out.

/// Things with numbers; free numbers are used again.
#[derive(Clone, Debug)]
pub(super) struct Slab<T> {
    places: Vec<Option<T>>,
    free: Vec<u32>,
    most: usize,
}

impl<T> Slab<T> {
    /// The most things that numbers can be found for.
    pub(super) const MOST: usize = 1 << super::queue::SORT_SHIFT;

    /// An empty one, for so many things at a time.
    pub(super) fn new(most: usize) -> Slab<T> {
        Slab { places: Vec::new(), free: Vec::new(), most: most.min(Slab::<T>::MOST) }
    }

    /// Puts a thing in and returns its number; none if there is no room.
    pub(super) fn put(&mut self, thing: T) -> Option<u64> {
        if let Some(free) = self.free.pop() {
            self.places[free as usize] = Some(thing);
            return Some(u64::from(free));
        }
        if self.places.len() >= self.most {
            return None;
        }
        self.places.push(Some(thing));
        Some(self.places.len() as u64 - 1)
    }

    /// Takes a thing out; there is none if it was taken before.
    pub(super) fn take(&mut self, number: u64) -> Option<T> {
        let thing = self.places.get_mut(number as usize)?.take()?;
        self.free.push(number as u32);
        Some(thing)
    }

    /// Looks at a thing.
    pub(super) fn get(&self, number: u64) -> Option<&T> {
        self.places.get(number as usize)?.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_used_again_and_end_where_the_room_ends() {
        let mut slab = Slab::new(2);
        assert_eq!([slab.put('a'), slab.put('b'), slab.put('c')], [Some(0), Some(1), None]);
        assert_eq!([slab.take(0), slab.take(0), slab.take(7)], [Some('a'), None, None]);
        assert_eq!((slab.put('d'), slab.get(0), slab.get(1)), (Some(0), Some(&'d'), Some(&'b')));
    }
}
