/** Error numbers of answers, negative as the kernel takes them (asm-generic/errno-base.h), and corosync's status codes (corotypes.h). */
export const ENOENT = -2;
export const ESRCH = -3;
export const EIO = -5;
export const ENOMEM = -12;
export const EEXIST = -17;
export const EINVAL = -22;
/** EBADE: what the original answers when corosync refuses a message. */
export const EBADE = -52;
/** Positive, in a short acknowledgement: ask again at once. */
export const EAGAIN = 11;

export const CS_OK = 1;
export const CS_ERR_LIBRARY = 2;
export const CS_ERR_TRY_AGAIN = 6;
export const CS_ERR_BAD_HANDLE = 9;
