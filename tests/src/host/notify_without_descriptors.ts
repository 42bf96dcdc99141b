/** Uses up all descriptors, and tells the manager all the same; for notify.test.ts. Prints what notifyManager() says. */
import "../../bind_libc.ts";
import { closeDescriptor, O_RDONLY, openFile } from "../../../ffi/file.ts";
import { cString } from "../../../ffi/memory.ts";
import { notifyManager } from "../../../src/host/notify.ts";

const path = cString("/dev/null");
const taken: number[] = [];
for (let fd = openFile(path, O_RDONLY, 0); fd >= 0; fd = openFile(path, O_RDONLY, 0)) {
  taken.push(fd);
}
const isTold = notifyManager(new Map([["NOTIFY_SOCKET", Deno.args[0]]]), "READY=1");
for (const fd of taken) closeDescriptor(fd);
const isToldThen = notifyManager(new Map([["NOTIFY_SOCKET", Deno.args[0]]]), "READY=1");
console.log(`${taken.length > 0} ${isTold} ${isToldThen}`);
