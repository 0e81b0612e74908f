//! Sets against a model, at the limits of their encodings.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn seed() -> Seed {
    Seed::fixed(1, 2)
}

fn small() -> Limits {
    Limits {
        set_max_intset_entries: 6,
        set_max_listpack_entries: 4,
        set_max_listpack_value: 3,
        ..Limits::default()
    }
}

fn set(members: &[&str]) -> Set {
    let mut set = Set::fit_for(members[0].as_bytes(), &small());
    for member in members {
        set.add(member.as_bytes(), &small(), seed());
    }
    set
}

fn content(set: &Set) -> BTreeSet<Vec<u8>> {
    set.iter().map(|member| member.to_vec()).collect()
}

#[test]
fn each_member_may_turn_the_encoding() {
    assert_eq!(size_of::<Set>(), 16);
    for (members, encoding) in [
        (&["1", "2", "3", "4", "5", "6"][..], "intset"),
        (&["1", "2", "3", "4", "5", "6", "7"], "hashtable"),
        (&["1", "x"], "listpack"),
        (&["01"], "listpack"),
        (&["1", "2", "3", "x"], "listpack"),
        (&["1", "2", "3", "4", "x"], "hashtable"),
        (&["-1000", "x"], "hashtable"),
        (&["1", "long"], "hashtable"),
        (&["x", "1", "2", "3"], "listpack"),
        (&["x", "1", "2", "3", "x"], "listpack"),
        (&["x", "1", "2", "3", "4"], "hashtable"),
        (&["x", "long"], "hashtable"),
    ] {
        let set = set(members);
        assert_eq!(set.encoding(), encoding, "{members:?}");
        let expected: BTreeSet<_> = members.iter().map(|member| member.as_bytes().to_vec()).collect();
        assert_eq!(content(&set), expected);
    }
}

#[test]
fn results_of_integers_become_intsets() {
    for (members, encoding) in [
        (&["x", "1"][..], "intset"),
        (&["x", "1", "2", "3", "4", "5", "6"], "intset"),
        (&["x", "1", "2", "3", "4", "5", "6", "7"], "hashtable"),
        (&["x", "y"], "listpack"),
    ] {
        let mut set = set(members);
        set.remove(b"x");
        let before = content(&set);
        set.shrink_to_ints(&small());
        assert_eq!((set.encoding(), content(&set)), (encoding, before), "{members:?}");
    }
}

#[test]
fn snapshots_are_checked() {
    let take = |members: &[&[u8]]| {
        let mut pack = Listpack::new();
        for member in members {
            pack.push_back(member);
        }
        Set::from_listpack(pack, &small(), seed())
    };
    assert!(take(&[]).is_none());
    assert!(take(&[b"a", b"1", b"a"]).is_none());
    assert_eq!(take(&[b"a", b"1"]).unwrap().encoding(), "listpack");
    assert_eq!(take(&[b"a", b"long"]).unwrap().encoding(), "hashtable");
    let mut ints = Intset::new();
    (0..6).for_each(|n| assert!(ints.add(n)));
    assert_eq!(Set::from_intset(ints.clone(), &small(), seed()).encoding(), "intset");
    ints.add(6);
    let set = Set::from_intset(ints, &small(), seed());
    assert_eq!((set.encoding(), set.len()), ("hashtable", 7));
}

#[test]
fn draws_reach_every_member() {
    let mut rng = fastrand::Rng::with_seed(3);
    for members in [&["1", "2", "3"][..], &["x", "y", "1"], &["1", "2", "3", "4", "5", "6", "7", "8", "x"]] {
        let set = set(members);
        let (mut seen, mut drawn) = (BTreeSet::new(), 0);
        set.draw(1000, &mut rng, &mut |member| {
            seen.insert(member.to_vec());
            drawn += 1;
        });
        assert_eq!((drawn, seen), (1000, content(&set)));
        for wanted in [0, 1, 2, set.len(), set.len() + 1] {
            let different: BTreeSet<_> =
                set.distinct(wanted, &mut rng).into_iter().map(|member| member.to_vec()).collect();
            assert_eq!(different.len(), wanted.min(set.len()));
        }
    }
}

proptest! {
    #[test]
    fn a_set_behaves_as_a_btree_set(steps in vec((any::<bool>(), "[0-9]|-?[0-9]{2}|[a-c]|0[0-3]{3}"), 0..60)) {
        let (mut set, mut model) = (Set::new(), BTreeSet::new());
        for (add, member) in steps {
            let member = member.into_bytes();
            if add {
                prop_assert_eq!(set.add(&member, &small(), seed()), model.insert(member.clone()));
            } else {
                prop_assert_eq!(set.remove(&member), model.remove(&member));
            }
            prop_assert_eq!((set.len(), set.is_empty()), (model.len(), model.is_empty()));
            prop_assert_eq!(set.contains(&member), model.contains(&member));
            prop_assert_eq!(set.contains_entry(Entry::parse(&member)), model.contains(&member));
            prop_assert_eq!(set.contains_entry(Entry::Str(&member)), model.contains(&member));
        }
        prop_assert_eq!(content(&set), model.clone());
        prop_assert_eq!(content(&set.clone()), model.clone());
        let mut each = BTreeSet::new();
        set.each(&mut |member| { each.insert(member.to_vec()); });
        prop_assert_eq!(each, model.clone());
        let (mut cursor, mut scanned) = (0, BTreeSet::new());
        loop {
            cursor = set.scan(cursor, &mut |member| { scanned.insert(member.to_vec()); });
            if cursor == 0 {
                break;
            }
        }
        prop_assert_eq!(scanned, model);
    }
}
