//! The waiting line: who is next, who stands where, and how to leave or change places.
//!
//! Most lines only ever see two things: a request *joins at the end*, and *the first one goes*. So a line
//! starts as a plain list, in which these, and leaving from anywhere, take a few nanoseconds however
//! long it is.
//!
//! The first time a request must stand elsewhere (a higher priority, a move) or ask for a place, the line
//! is *indexed*: it becomes an *implicit treap*, a binary tree whose in-order walk is the line, balanced
//! by giving each node a random weight and keeping the tree a heap by weight. Every node knows the size
//! of its subtree, so a place is found, and the place of a member, in O(log n) steps; its parent link lets a waiter that
//! gives up leave from wherever it stands. Indexing n members costs them the O(log n) each that they saved when
//! they joined, so every operation is O(log n), amortized. An empty line is a plain list again.
//!
//! The line is sorted by class (the effective priority), highest first; within a class the order is
//! that of arrival, unless one was moved. Members are named by small numbers of the caller's
//! choosing (the queue uses the index of its records); node `i` belongs to member `i`.

/// No node.
const NIL: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Node {
    /// While the line is a plain list: the one before.
    left: u32,
    /// While the line is a plain list: the one behind.
    right: u32,
    parent: u32,
    /// Nodes in the subtree that starts here (1 in a plain list); 0 says that this member does not
    /// wait.
    size: u32,
    /// A parent's is never lower than its child's.
    weight: u32,
    /// Never higher than that of the node before it in the line.
    class: i32,
}

const ABSENT: Node = Node {
    left: NIL,
    right: NIL,
    parent: NIL,
    size: 0,
    weight: 0,
    class: 0,
};

/// The line. See the module page.
#[derive(Clone, Debug)]
pub(crate) struct Waitlist {
    nodes: Vec<Node>,
    len: u32,
    indexed: bool,
    /// Meaningless in a plain list.
    root: u32,
    first: u32,
    last: u32,
    /// State of the generator of weights. Fixed at the start: the same commands give the same tree.
    random: u64,
}

impl Waitlist {
    pub(crate) const fn new() -> Self {
        Self {
            nodes: Vec::new(),
            len: 0,
            indexed: false,
            root: NIL,
            first: NIL,
            last: NIL,
            random: 0,
        }
    }

    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.len as usize
    }

    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The member whose turn is next.
    #[inline]
    pub(crate) fn first(&self) -> Option<u32> {
        (self.first != NIL).then_some(self.first)
    }

    /// Puts `member` behind all of its class and of higher ones.
    #[inline]
    pub(crate) fn join(&mut self, member: u32, class: i32) {
        if self.last == NIL || self.nodes[self.last as usize].class >= class {
            self.append(member, class);
        } else {
            self.index();
            // Behind the last node whose class is at least this one's.
            let (mut at, mut after, mut before) = (self.root, NIL, NIL);
            while at != NIL {
                let node = &self.nodes[at as usize];
                if node.class >= class {
                    after = at;
                    at = node.right;
                } else {
                    before = at;
                    at = node.left;
                }
            }
            self.attach(member, class, after, before);
        }
    }

    /// Puts `member` where `place` others (or all, if there are fewer) stand before it. It takes the
    /// class of the one now behind it, or if there is none of the one before it, so the line stays
    /// sorted; alone, it takes `class`.
    pub(crate) fn insert(&mut self, member: u32, place: usize, class: i32) {
        self.index();
        let place = place.min(self.len());
        let before = self.select(place);
        let after = place.checked_sub(1).and_then(|place| self.select(place));
        let class = before
            .or(after)
            .map_or(class, |neighbour| self.nodes[neighbour as usize].class);
        self.attach(member, class, after.unwrap_or(NIL), before.unwrap_or(NIL));
    }

    /// Takes `member` out of the line. It must stand in it.
    #[inline]
    pub(crate) fn remove(&mut self, member: u32) {
        debug_assert!(self.contains(member));
        if self.indexed || self.first != member {
            self.remove_from_anywhere(member);
            return;
        }
        // The first of a plain list goes.
        self.first = self.nodes[member as usize].right;
        if self.first == NIL {
            self.last = NIL;
        } else {
            self.nodes[self.first as usize].left = NIL;
        }
        self.len -= 1;
        self.nodes[member as usize] = ABSENT;
    }

    fn remove_from_anywhere(&mut self, member: u32) {
        if self.first == member {
            self.first = self.next(member);
        }
        if self.last == member {
            self.last = self.previous(member);
        }
        self.len -= 1;
        if self.indexed {
            self.detach(member);
        } else {
            let Node { left, right, .. } = self.nodes[member as usize];
            if left != NIL {
                self.nodes[left as usize].right = right;
            }
            if right != NIL {
                self.nodes[right as usize].left = left;
            }
        }
        self.nodes[member as usize] = ABSENT;
        self.indexed &= self.len > 0;
    }

    /// Takes `member` out of the tree.
    fn detach(&mut self, member: u32) {
        // Sink it until it has at most one child, then let that child take its place.
        let orphan = loop {
            let Node { left, right, .. } = self.nodes[member as usize];
            match (left, right) {
                (NIL, child) | (child, NIL) => break child,
                (left, right) => {
                    let heavier = if self.weight(left) >= self.weight(right) {
                        left
                    } else {
                        right
                    };
                    self.rotate_up(heavier);
                }
            }
        };
        let parent = self.nodes[member as usize].parent;
        self.replace_child(parent, member, orphan);
        let mut above = parent;
        while above != NIL {
            let node = &mut self.nodes[above as usize];
            node.size -= 1;
            above = node.parent;
        }
    }

    /// How many stand before `member`, which must be in the line.
    pub(crate) fn rank(&mut self, member: u32) -> usize {
        debug_assert!(self.contains(member));
        self.index();
        let mut rank = self.size(self.nodes[member as usize].left);
        let mut at = member;
        loop {
            let parent = self.nodes[at as usize].parent;
            if parent == NIL {
                return rank as usize;
            }
            let above = &self.nodes[parent as usize];
            if above.right == at {
                rank += self.size(above.left) + 1;
            }
            at = parent;
        }
    }

    /// The member with `place` others before it. Of an indexed line.
    fn select(&self, place: usize) -> Option<u32> {
        let mut place = u32::try_from(place).ok()?;
        let mut at = self.root;
        while at != NIL {
            let node = &self.nodes[at as usize];
            let before = self.size(node.left);
            if place < before {
                at = node.left;
            } else if place == before {
                return Some(at);
            } else {
                place -= before + 1;
                at = node.right;
            }
        }
        None
    }

    /// All members, in the order of the line.
    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(self.first(), |&at| {
            let next = self.next(at);
            (next != NIL).then_some(next)
        })
    }

    /// Gives memory back. Only when no request waits.
    pub(crate) fn shrink(&mut self) {
        debug_assert!(self.is_empty());
        self.nodes = Vec::new();
    }

    /// Puts `member` at the end.
    fn append(&mut self, member: u32, class: i32) {
        let last = self.last;
        if self.indexed {
            self.attach(member, class, last, NIL);
            return;
        }
        self.seat(
            member,
            Node {
                left: last,
                size: 1,
                class,
                ..ABSENT
            },
        );
        if last == NIL {
            self.first = member;
        } else {
            self.nodes[last as usize].right = member;
        }
        self.last = member;
    }

    /// Makes a plain list a tree.
    fn index(&mut self) {
        if self.indexed {
            return;
        }
        let members: Vec<u32> = self.iter().collect();
        self.indexed = true;
        (self.root, self.first, self.last, self.len) = (NIL, NIL, NIL, 0);
        for member in members {
            let class = self.nodes[member as usize].class;
            self.nodes[member as usize] = ABSENT;
            self.append(member, class);
        }
    }

    fn seat(&mut self, member: u32, node: Node) {
        debug_assert!(!self.contains(member));
        if self.nodes.len() <= member as usize {
            self.nodes.resize(member as usize + 1, ABSENT);
        }
        self.nodes[member as usize] = node;
        self.len += 1;
    }

    fn contains(&self, member: u32) -> bool {
        self.nodes
            .get(member as usize)
            .is_some_and(|node| node.size > 0)
    }

    #[inline]
    fn size(&self, node: u32) -> u32 {
        if node == NIL {
            0
        } else {
            self.nodes[node as usize].size
        }
    }

    #[inline]
    fn weight(&self, node: u32) -> u32 {
        self.nodes[node as usize].weight
    }

    /// Hangs `member` in as a leaf between its neighbours in line, then lets it rise to its weight.
    /// Of two neighbours in order, either the first has no right child or the second no left one.
    fn attach(&mut self, member: u32, class: i32, after: u32, before: u32) {
        let under_after = after != NIL && self.nodes[after as usize].right == NIL;
        let parent = if under_after { after } else { before };
        let node = Node {
            parent,
            size: 1,
            weight: self.next_weight(),
            class,
            ..ABSENT
        };
        self.seat(member, node);
        if parent == NIL {
            self.root = member;
        } else if under_after {
            self.nodes[parent as usize].right = member;
        } else {
            self.nodes[parent as usize].left = member;
        }
        if before == NIL {
            self.last = member;
        }
        if after == NIL {
            self.first = member;
        }
        let mut above = parent;
        while above != NIL {
            let node = &mut self.nodes[above as usize];
            node.size += 1;
            above = node.parent;
        }
        loop {
            let parent = self.nodes[member as usize].parent;
            if parent == NIL || self.weight(parent) >= self.weight(member) {
                break;
            }
            self.rotate_up(member);
        }
    }

    /// Swaps the roles of `child` and its parent without changing the line.
    fn rotate_up(&mut self, child: u32) {
        let parent = self.nodes[child as usize].parent;
        let grandparent = self.nodes[parent as usize].parent;
        let moved = if self.nodes[parent as usize].left == child {
            let moved = self.nodes[child as usize].right;
            self.nodes[parent as usize].left = moved;
            self.nodes[child as usize].right = parent;
            moved
        } else {
            let moved = self.nodes[child as usize].left;
            self.nodes[parent as usize].right = moved;
            self.nodes[child as usize].left = parent;
            moved
        };
        if moved != NIL {
            self.nodes[moved as usize].parent = parent;
        }
        self.replace_child(grandparent, parent, child);
        self.nodes[parent as usize].parent = child;
        self.nodes[child as usize].size = self.nodes[parent as usize].size;
        let Node { left, right, .. } = self.nodes[parent as usize];
        self.nodes[parent as usize].size = 1 + self.size(left) + self.size(right);
    }

    /// Puts `new` (perhaps nothing) where `old` hangs under `parent` (perhaps the root).
    fn replace_child(&mut self, parent: u32, old: u32, new: u32) {
        if parent == NIL {
            self.root = new;
        } else if self.nodes[parent as usize].left == old {
            self.nodes[parent as usize].left = new;
        } else {
            self.nodes[parent as usize].right = new;
        }
        if new != NIL {
            self.nodes[new as usize].parent = parent;
        }
    }

    fn next(&self, member: u32) -> u32 {
        let mut at = self.nodes[member as usize].right;
        if !self.indexed {
            return at;
        }
        if at != NIL {
            while self.nodes[at as usize].left != NIL {
                at = self.nodes[at as usize].left;
            }
            return at;
        }
        let mut from = member;
        at = self.nodes[member as usize].parent;
        while at != NIL && self.nodes[at as usize].right == from {
            from = at;
            at = self.nodes[at as usize].parent;
        }
        at
    }

    fn previous(&self, member: u32) -> u32 {
        let mut at = self.nodes[member as usize].left;
        if !self.indexed {
            return at;
        }
        if at != NIL {
            while self.nodes[at as usize].right != NIL {
                at = self.nodes[at as usize].right;
            }
            return at;
        }
        let mut from = member;
        at = self.nodes[member as usize].parent;
        while at != NIL && self.nodes[at as usize].left == from {
            from = at;
            at = self.nodes[at as usize].parent;
        }
        at
    }

    /// SplitMix64's output function over a counter: well spread, and the same in every test run.
    fn next_weight(&mut self) -> u32 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Checks every invariant that the module page and `Node` promise; returns the tree's depth.
    fn check(line: &Waitlist) -> usize {
        fn walk(line: &Waitlist, at: u32, parent: u32) -> (u32, usize) {
            if at == NIL {
                return (0, 0);
            }
            let node = line.nodes[at as usize];
            assert_eq!(node.parent, parent);
            if parent != NIL {
                assert!(node.weight <= line.weight(parent));
            }
            let (left, left_depth) = walk(line, node.left, at);
            let (right, right_depth) = walk(line, node.right, at);
            assert_eq!(node.size, left + right + 1);
            (node.size, left_depth.max(right_depth) + 1)
        }
        let (size, depth) = if line.indexed {
            walk(line, line.root, NIL)
        } else {
            (line.iter().count() as u32, 0)
        };
        assert_eq!(size as usize, line.len());
        assert_eq!(line.iter().last().unwrap_or(NIL), line.last);
        depth
    }

    #[derive(Clone, Debug)]
    enum Step {
        Join(i32),
        Insert(usize),
        Remove(usize),
        Pop,
        /// Also indexes the line.
        Rank(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..2_i32).prop_map(|low| Step::Join(-low / 2)),
            1 => (-2..3_i32).prop_map(Step::Join),
            1 => (0..40_usize).prop_map(Step::Insert),
            2 => (0..40_usize).prop_map(Step::Remove),
            2 => Just(Step::Pop),
            1 => (0..40_usize).prop_map(Step::Rank),
        ]
    }

    proptest! {
        #[test]
        fn the_line_is_what_a_sorted_list_would_be(steps in prop::collection::vec(step(), 1..200)) {
            let mut line = Waitlist::new();
            let mut model: Vec<(u32, i32)> = Vec::new();
            for step in steps {
                // The lowest free number, as a slab would give out.
                let fresh = (0..).find(|n| model.iter().all(|(m, _)| m != n)).unwrap();
                match step {
                    Step::Join(class) => {
                        line.join(fresh, class);
                        let at = model.iter().position(|(_, c)| *c < class).unwrap_or(model.len());
                        model.insert(at, (fresh, class));
                    }
                    Step::Insert(place) => {
                        line.insert(fresh, place, 7);
                        let at = place.min(model.len());
                        let class = model.get(at).or(model.last()).map_or(7, |(_, class)| *class);
                        model.insert(at, (fresh, class));
                    }
                    Step::Remove(place) if !model.is_empty() => {
                        let (member, _) = model.remove(place % model.len());
                        line.remove(member);
                    }
                    Step::Pop if !model.is_empty() => {
                        let (member, _) = model.remove(0);
                        prop_assert_eq!(line.first(), Some(member));
                        line.remove(member);
                    }
                    Step::Rank(place) if !model.is_empty() => {
                        let place = place % model.len();
                        prop_assert_eq!(line.rank(model[place].0), place);
                    }
                    Step::Remove(_) | Step::Pop | Step::Rank(_) => prop_assert!(line.is_empty()),
                }
                check(&line);
                prop_assert!(line.iter().eq(model.iter().map(|(member, _)| *member)));
                let mut indexed = line.clone();
                for (rank, (member, _)) in model.iter().enumerate() {
                    prop_assert_eq!(indexed.rank(*member), rank);
                    prop_assert_eq!(indexed.select(rank), Some(*member));
                }
                check(&indexed);
            }
        }
    }

    #[test]
    fn a_line_of_a_hundred_thousand_that_joined_in_order_is_still_shallow() {
        let mut line = Waitlist::new();
        for member in 0..100_000 {
            line.join(member, 0);
        }
        line.join(100_000, 1);
        assert!(line.indexed);
        // A random treap of this size is about 40 deep; a degenerate one 100,000.
        assert!(check(&line) < 64);
    }
}
