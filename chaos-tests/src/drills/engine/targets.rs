//! Whom a fault strikes, found out when it does.

use ringmain_routing::NodeId;

use crate::drills::file::Target;

/// Takes turns where a target says "another one each time".
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Turns {
    follower: usize,
    next: usize,
}

impl Turns {
    /// Places of those struck. `nodes` are ids by place.
    pub(super) fn resolve(
        &mut self,
        target: Target,
        nodes: &[NodeId],
        leader: NodeId,
        regions: usize,
    ) -> Vec<usize> {
        let all: Vec<usize> = (0..nodes.len()).collect();
        let minority = (nodes.len() - 1) / 2;
        let (leading, following): (Vec<usize>, Vec<usize>) =
            all.iter().partition(|place| nodes[**place] == leader);
        let leader_first: Vec<usize> = leading.iter().chain(&following).copied().collect();
        match target {
            Target::Leader => leading,
            Target::Follower => {
                self.follower += 1;
                vec![following[(self.follower - 1) % following.len()]]
            }
            Target::Next => {
                self.next += 1;
                vec![all[(self.next - 1) % all.len()]]
            }
            Target::All => all,
            Target::Majority => leader_first[..nodes.len() - minority].to_vec(),
            Target::Minority => leader_first[..minority].to_vec(),
            Target::Followers => following[..minority].to_vec(),
            Target::Region(region) => {
                let is_there = |place: &usize| (*place % regions) as u64 + 1 == region;
                all.into_iter().filter(is_there).collect()
            }
            Target::Node(node) => all.into_iter().filter(|place| *place as u64 + 1 == node).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_found() {
        let nodes: Vec<NodeId> = (1..=5).map(NodeId).collect();
        let mut turns = Turns::default();
        let mut resolve = |target| turns.resolve(target, &nodes, NodeId(3), 2);
        assert_eq!(resolve(Target::Leader), [2]);
        assert_eq!(resolve(Target::Follower), [0]);
        assert_eq!(resolve(Target::Follower), [1]);
        assert_eq!(resolve(Target::Follower), [3]);
        assert_eq!(resolve(Target::Next), [0]);
        assert_eq!(resolve(Target::Next), [1]);
        assert_eq!(resolve(Target::All), [0, 1, 2, 3, 4]);
        assert_eq!(resolve(Target::Majority), [2, 0, 1]);
        assert_eq!(resolve(Target::Minority), [2, 0]);
        assert_eq!(resolve(Target::Followers), [0, 1]);
        assert_eq!(resolve(Target::Region(2)), [1, 3]);
        assert_eq!(resolve(Target::Node(4)), [3]);
    }
}
