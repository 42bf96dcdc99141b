/** A corosync in a guest, by itself or with those of other nodes. */
import { sh } from "../../../tasks/rig/guest/guest.ts";
import { inTime, SLOWNESS_S } from "./in_time.ts";

/**
 * Starts corosync with these addresses as nodes 1, 2 …, and waits until all are members. With `twoNode`, one of two has quorum
 * (votequorum(5)), which by itself it would not have; without `provider` nobody counts votes. A node alone waits little more than
 * the token's time for others.
 */
export async function startCorosync(
  addresses: readonly string[],
  { twoNode = false, provider = true, tokenMs = 5_000 } = {},
): Promise<boolean> {
  const nodes = addresses.map((address, index) =>
    `  node {\n    ring0_addr: ${address}\n    nodeid: ${index + 1}\n  }\n`
  );
  const config = "totem {\n  version: 2\n  cluster_name: rig\n  transport: udpu\n" +
    `  token: ${tokenMs}\n}\n` +
    (provider
      ? `quorum {\n  provider: corosync_votequorum\n${twoNode ? "  two_node: 1\n" : ""}}\n`
      : "") +
    "logging {\n  to_stderr: no\n  to_syslog: no\n  to_logfile: yes\n  logfile: /run/corosync.log\n}\n" +
    `nodelist {\n${nodes.join("")}}\n`;
  sh("mkdir -p /etc/corosync /var/lib/corosync && mount -t tmpfs tmpfs /var/lib/corosync");
  Deno.writeTextFileSync("/etc/corosync/corosync.conf", config);
  sh("corosync");
  const count = provider ? voterCount : memberCount;
  return await inTime(SLOWNESS_S, () => count() === addresses.length);
}

function memberCount(): number {
  const listed = sh("corosync-cmapctl -b runtime.members 2>/dev/null || true");
  return listed.match(/\.status .* = joined$/gm)?.length ?? 0;
}

function voterCount(): number {
  try {
    return Number(/^Nodes:\s+(\d+)/m.exec(sh("corosync-quorumtool -s || true"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
