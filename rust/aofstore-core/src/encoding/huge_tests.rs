//! What is asked of the system, against a system made of a map; and once against the real one.

use std::collections::HashMap;

use super::*;

/// Resident pages by region, and what was asked for.
#[derive(Default)]
struct Fake {
    resident: HashMap<usize, usize>,
    collapsed: Vec<usize>,
    refuses: bool,
}

impl Pages for Fake {
    fn resident(&mut self, region: usize) -> Option<usize> {
        self.resident.get(&region).copied()
    }

    fn collapse(&mut self, region: usize) -> bool {
        if !self.refuses {
            self.collapsed.push(region);
        }
        !self.refuses
    }
}

/// Regions far from any address of this process: other tests allocate meanwhile.
const BASE: usize = 1 << 40;

struct Scene {
    regions: Regions,
    pages: Fake,
    now: Instant,
    loading: bool,
}

impl Scene {
    fn of(count: usize, resident: usize) -> Self {
        let (regions, pages) = (Regions::default(), Fake::default());
        let mut scene = Self { regions, pages, now: Instant::now(), loading: false };
        scene.grow(BASE, count, resident);
        scene.now += CALM;
        scene
    }

    fn grow(&mut self, first: usize, count: usize, resident: usize) {
        for region in (first..).take(count) {
            self.pages.resident.insert(region, resident);
            self.regions.seen(region, self.now);
        }
    }

    /// A tick; how many regions it made huge.
    fn tick(&mut self, shared: bool) -> usize {
        let before = self.pages.collapsed.len();
        self.now += Duration::from_millis(100);
        self.regions.turn(self.now, Doing { shared, loading: self.loading }, &mut self.pages);
        self.pages.collapsed.len() - before
    }

    fn ticks(&mut self, count: usize) -> usize {
        (0..count).map(|_| self.tick(false)).sum()
    }
}

#[test]
fn full_regions_become_huge_a_few_with_each_tick_and_once() {
    let mut scene = Scene::of(10, PAGES);
    assert_eq!([scene.tick(false), scene.tick(false), scene.tick(false), scene.tick(false)], [4, 4, 2, 0]);
    for region in BASE..BASE + 10 {
        scene.regions.seen(region, scene.now);
    }
    assert_eq!(scene.ticks(20), 0);
}

#[test]
fn nothing_is_moved_while_the_store_grows_unless_it_is_loading() {
    let mut scene = Scene::of(10, PAGES);
    for more in 0..30 {
        scene.grow(BASE + 10 + more, 1, PAGES);
        assert_eq!(scene.tick(false), 0);
    }
    assert_eq!(scene.ticks(8), 0, "not long enough ago");
    assert_eq!(scene.ticks(20), 40);
    scene.loading = true;
    scene.grow(BASE + 100, 10, PAGES);
    assert_eq!(scene.ticks(3), 10);
}

#[test]
fn a_small_store_is_left_alone() {
    assert_eq!(Scene::of(WORTHWHILE - 1, PAGES).ticks(20), 0);
}

#[test]
fn a_region_is_filled_up_only_where_nearly_nothing_is_missing() {
    let mut scene = Scene::of(10, FULL - 1);
    assert_eq!(scene.ticks(30), 0);
    scene.pages.resident.values_mut().for_each(|pages| *pages = FULL);
    assert_eq!(scene.ticks(30), 10);
}

#[test]
fn what_never_fills_up_or_was_given_back_is_forgotten() {
    let mut scene = Scene::of(20, 1);
    scene.pages.resident.retain(|region, _| region % 2 == 0);
    scene.ticks(20);
    assert_eq!(scene.regions.known.len(), 10);
    scene.ticks((TRIES as usize + 2) * 11);
    assert_eq!((scene.regions.known.len(), scene.regions.queue.len()), (0, 0));
}

#[test]
fn nothing_is_moved_while_a_child_shares_the_memory_and_everything_is_asked_for_behind_it() {
    let mut scene = Scene::of(10, PAGES);
    assert_eq!((0..50).map(|_| scene.tick(true)).sum::<usize>(), 0);
    assert_eq!(scene.ticks(10), 0, "another store's tick may have seen the child");
    assert_eq!(scene.ticks(20), 10);
    scene.tick(true);
    assert_eq!(scene.ticks(30), 10);
    assert_eq!(scene.ticks(30), 0);
}

#[test]
fn a_region_that_is_still_told_of_after_long_is_asked_for_again() {
    let mut scene = Scene::of(10, PAGES);
    assert_eq!(scene.ticks(5), 10);
    scene.now += AGAIN;
    for region in BASE..BASE + 3 {
        scene.regions.seen(region, scene.now);
    }
    assert_eq!(scene.ticks(5), 3);
}

#[test]
fn a_system_that_refuses_is_asked_ever_less() {
    let mut scene = Scene::of(100, PAGES);
    scene.pages.refuses = true;
    scene.ticks(REFUSALS as usize);
    assert!(scene.regions.rest_until.is_some_and(|until| until > scene.now));
    scene.pages.refuses = false;
    assert_eq!(scene.ticks(100), 0);
    assert!(scene.ticks(400) > 90);
}

#[test]
fn allocations_of_every_size_tell_where_they_stand() {
    for (stride, size) in [(32, 24), (64, 60), (128, 119), (1024, 1000), (LARGE, LARGE)] {
        let start = (BASE + 3 * stride) * REGION;
        let region = start / REGION;
        let told = (0..REGION / stride).any(|n| {
            let address = start + n * stride;
            note(address, size);
            SEEN[region % RECENT].load(Ordering::Relaxed) == region
        });
        assert!(told, "{stride}");
    }
}

#[cfg(all(target_os = "linux", not(miri)))]
#[test]
fn the_system_knows_what_is_in_memory_and_keeps_what_is_written() {
    let mut memory = vec![0u8; 2 * REGION];
    let region = memory.as_ptr() as usize / REGION + 1;
    let skipped = region * REGION - memory.as_ptr() as usize;
    let bytes = &mut memory[skipped..skipped + REGION];
    for (n, page) in bytes.chunks_mut(PAGE).enumerate() {
        page[n] = n as u8 | 1;
    }
    assert_eq!(System.resident(region), Some(PAGES));
    // Whether it can is the system's to say.
    System.collapse(region);
    assert!(bytes.chunks(PAGE).enumerate().all(|(n, page)| page[n] == n as u8 | 1));
    assert_eq!(System.resident(usize::MAX / REGION), None);
}
