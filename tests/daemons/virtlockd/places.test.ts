import { assertEquals } from "@std/assert";
import { placesFor } from "../../../daemons/virtlockd/places.ts";

Deno.test("placesFor gives root the system's places, whatever the environment says", () => {
  const environment = new Map([
    ["HOME", "/home/a"],
    ["XDG_RUNTIME_DIR", "/run/user/0"],
    ["XDG_CONFIG_HOME", "/home/a/.config"],
    ["XDG_CACHE_HOME", "/home/a/.cache"],
  ]);
  assertEquals(placesFor(true, environment), {
    runDirectory: "/run/libvirt",
    socket: "/run/libvirt/virtlockd-sock",
    adminSocket: "/run/libvirt/virtlockd-admin-sock",
    controlSocket: "/run/libvirt/virtlockd-control-sock",
    pidFile: "/run/virtlockd.pid",
    stateFile: "/run/virtlockd-restart-exec.json",
    config: "/etc/libvirt/virtlockd.conf",
    logFile: "/var/log/libvirt/virtlockd.log",
  });
});

Deno.test("placesFor gives others the places of the XDG directories", () => {
  const environment = new Map([
    ["HOME", "/home/a"],
    ["XDG_RUNTIME_DIR", "/run/user/7"],
    ["XDG_CONFIG_HOME", "/conf"],
    ["XDG_CACHE_HOME", "/cache"],
  ]);
  assertEquals(placesFor(false, environment), {
    runDirectory: "/run/user/7/libvirt",
    socket: "/run/user/7/libvirt/virtlockd-sock",
    adminSocket: "/run/user/7/libvirt/virtlockd-admin-sock",
    controlSocket: "/run/user/7/libvirt/virtlockd-control-sock",
    pidFile: "/run/user/7/libvirt/virtlockd.pid",
    stateFile: "/run/user/7/libvirt/virtlockd-restart-exec.json",
    config: "/conf/libvirt/virtlockd.conf",
    logFile: "/cache/libvirt/virtlockd.log",
  });
});

Deno.test("placesFor falls back on the home directory, as virtlockd 9.0.0 does", () => {
  for (
    const environment of [{}, { XDG_RUNTIME_DIR: "", XDG_CONFIG_HOME: "", XDG_CACHE_HOME: "" }]
  ) {
    const places = placesFor(false, new Map(Object.entries({ HOME: "/home/a", ...environment })));
    assertEquals(places.socket, "/home/a/.cache/libvirt/virtlockd-sock");
    assertEquals(places.config, "/home/a/.config/libvirt/virtlockd.conf");
    assertEquals(places.logFile, "/home/a/.cache/libvirt/virtlockd.log");
  }
});
