import { assertEquals } from "@std/assert";
import {
  environmentOf,
  jsonOf,
  NO_FACTS,
  type Notification,
} from "../../../daemons/cmannotifyd/notification.ts";

const nothing = { sequence: 7, timeMs: 1_700_000_000_123, initial: false, merged: 0 };
const lists = { members: [1, 2, 10], joined: [10], left: [3] };
const change: Notification = {
  ...nothing,
  ...lists,
  reason: "STATECHANGE",
  quorate: false,
  quorateBefore: true,
  ring: "1.1c",
};
const none = { members: [], joined: [], left: [] };
const shutdown: Notification = { ...nothing, ...none, reason: "TRY_SHUTDOWN", shutdownFlags: 1 };
const update: Notification = { ...nothing, ...none, reason: "CONFIG_UPDATE" };
const facts = { nodeId: 2, clusterName: "c", names: new Map([[1, "a"], [2, "b"]]) };

function environment(of: Notification, debug: boolean, extraVariables: boolean): string[] {
  return environmentOf(of, facts, { debug, extraVariables }).map((pair) => pair.join("="));
}

Deno.test("environmentOf gives the original's variables and nothing else", () => {
  assertEquals(environment(change, false, false), [
    "CMAN_NOTIFICATION=CMAN_REASON_STATECHANGE",
    "CMAN_NOTIFICATION_QUORUM=0",
  ]);
  assertEquals(environment(shutdown, false, false), ["CMAN_NOTIFICATION=CMAN_REASON_TRY_SHUTDOWN"]);
  assertEquals(environment(update, true, false), [
    "CMAN_NOTIFICATION=CMAN_REASON_CONFIG_UPDATE",
    "CMAN_NOTIFICATION_DEBUG=1",
  ]);
});

Deno.test("environmentOf adds what the notification knows, where that is wanted", () => {
  assertEquals(environment(change, false, true), [
    "CMAN_NOTIFICATION=CMAN_REASON_STATECHANGE",
    "CMAN_NOTIFICATION_QUORUM=0",
    "CMAN_NOTIFICATION_VERSION=1",
    "CMAN_NOTIFICATION_SEQ=7",
    "CMAN_NOTIFICATION_TIMESTAMP=1700000000.123000",
    "CMAN_NOTIFICATION_NODEID=2",
    "CMAN_NOTIFICATION_NODENAME=b",
    "CMAN_NOTIFICATION_CLUSTER=c",
    "CMAN_NOTIFICATION_RING=1.1c",
    "CMAN_NOTIFICATION_QUORUM_PREVIOUS=1",
    "CMAN_NOTIFICATION_MEMBERS=1 2 10",
    "CMAN_NOTIFICATION_JOINED=10",
    "CMAN_NOTIFICATION_LEFT=3",
    "CMAN_NOTIFICATION_MEMBER_NAMES=a b 10",
  ]);
  assertEquals(environment(shutdown, false, true).at(-1), "CMAN_NOTIFICATION_SHUTDOWN_FLAGS=1");
});

Deno.test("jsonOf is one line with the same facts", () => {
  const json = jsonOf({ ...change, merged: 2 }, facts);
  assertEquals(json.indexOf("\n"), json.length - 1);
  assertEquals(JSON.parse(json), {
    version: 1,
    sequence: 7,
    timestamp: "1700000000.123000",
    notification: "CMAN_REASON_STATECHANGE",
    initial: false,
    merged: 2,
    cluster: "c",
    node: { id: 2, name: "b" },
    quorate: false,
    quorate_before: true,
    ring: "1.1c",
    members: [{ id: 1, name: "a" }, { id: 2, name: "b" }, { id: 10, name: null }],
    joined: [{ id: 10, name: null }],
    left: [{ id: 3, name: null }],
  });
  assertEquals(JSON.parse(jsonOf(shutdown, NO_FACTS)).shutdown_flags, 1);
});
