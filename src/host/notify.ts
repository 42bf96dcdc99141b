/** sd_notify(3): tells the service manager how we are. One datagram to $NOTIFY_SOCKET; without it, nothing. */
import { closeDescriptor } from "../../ffi/file.ts";
import { sendDatagram, unixAddress, unixDatagram } from "../../ffi/socket.ts";

/** Sends assignments such as `READY=1`; false when nobody is told. Never throws: the daemon works without a manager. */
export function notifyManager(
  environment: ReadonlyMap<string, string>,
  ...assignments: string[]
): boolean {
  const path = environment.get("NOTIFY_SOCKET");
  if (path === undefined || path === "") return false;
  let fd = -1;
  try {
    fd = unixDatagram();
    const message = new TextEncoder().encode(assignments.join("\n"));
    return sendDatagram(fd, message, unixAddress(path)) === message.length;
  } catch {
    return false;
  } finally {
    if (fd >= 0) closeDescriptor(fd);
  }
}
