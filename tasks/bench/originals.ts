/** The C daemons that benches build, one recipe each. */
import { type Original, originalOf } from "./lvm2_source.ts";

/** dmfilemapd of lvm2. */
export function originalDmfilemapd(): Promise<Original> {
  return originalOf({
    name: "dmfilemapd",
    packages: [],
    option: "--enable-dmfilemapd",
    folder: "libdm/dm-tools",
    objects: ["dmfilemapd.o"],
    libraries: [],
  });
}

const CMIRRORD_PARTS = [
  "clogd",
  "cluster",
  "compat",
  "functions",
  "link_mon",
  "local",
  "logging",
];

/** cmirrord of lvm2. */
export function originalCmirrord(): Promise<Original> {
  return originalOf({
    name: "cmirrord",
    packages: ["libcpg-dev", "libqb-dev"],
    option: "--enable-cmirrord",
    folder: "daemons/cmirrord",
    objects: CMIRRORD_PARTS.map((part) => `${part}.o`),
    libraries: ["-lcpg"],
  });
}
