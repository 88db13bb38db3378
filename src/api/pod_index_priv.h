/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the index of pods:
 *
 *   pod_table.c  entries by id
 *   pod_scan.c   the directories of pods: what appears, moves and goes; which entries are to be read
 *   pod_read.c   one entry is read and gets its new record
 *   pod_files.c  watches on the files of pods, and who has to do without when there are too few
 *   pod_lock.c   who may have taken or dropped a lock
 *   pod_index.c  the object, its queue, and what handlers ask
 */
#pragma once

#include "api/event_derive.h"
#include "api/index.h"
#include "api/pod_index.h"
#include "api/watch.h"

enum pod_lock {
        POD_LOCK_UNKNOWN, /* to be probed; also where the lock has no meaning */
        POD_LOCK_FREE,
        POD_LOCK_HELD,
};

struct pod_suspect;

struct pod_entry {
        struct pod_record *record; /* owned; NULL: never read */
        struct uuid uuid;
        uint64_t key;                  /* its first 16 hex digits: what the table is sorted by */
        uint64_t number;               /* of the pending work; 0: there is none */
        nsec asked;                    /* when its lock was found free after the latest visits */
        struct pod_entry *prev, *next; /* of the queue */
        ino_t ino;                     /* of its directory when it was read; 0: not yet */
        int fd;                        /* owned; kept while it is locked or suspected; -1 */
        int n_wds;
        int *wds;                      /* owned; watches on its files */
        struct watch_process *process; /* owned; its init, while it runs */
        struct pod_suspect *suspect;   /* owned */
        struct pod_told told;          /* the follower's */
        pid_t pid;                     /* that @process is of */
        uint8_t dir;                   /* enum pod_dir: where it was last seen */
        uint8_t lock;                  /* enum pod_lock */
        bool moved;   /* it came to where it is, and its lock was not asked for since */
        bool blind;   /* locked, and no descriptor was left to keep: asked on a timer */
        bool partial; /* not all of its files are watched */
};

/* --- pod_table.c */

struct pod_place {
        uint64_t key;
        struct pod_entry *entry; /* owned */
};

struct pod_table {
        struct pod_place *v; /* owned; sorted */
        size_t n;
        size_t cap;
};

uint64_t pod_table_key(const char *uuid);
/* The first place that is not before the id (or its beginning, of at least one character). */
size_t pod_table_lower(const struct pod_table *t, const char *prefix);
struct pod_entry *pod_table_get(const struct pod_table *t, const char *uuid);
void pod_table_insert(struct pod_table *t, struct pod_entry *entry);
/* Does not free @entry. */
void pod_table_remove(struct pod_table *t, const struct pod_entry *entry);

/* --- the object */

struct pod_dirs {
        int dirs[POD_DIR_MAX]; /* wds; -1 */
        int pods;
};

struct pod_index {
        uv_loop_t *loop; /* borrowed, as are the next two */
        struct jobs *jobs;
        struct index *index;
        struct watch *watch;
        struct index_part part;
        struct watch_owner dir_owner;  /* of the six directories; about: &wds.dirs[d] */
        struct watch_owner pods_owner; /* of pods/ */
        struct watch_owner file_owner; /* of what is in a pod; about: its entry */
        struct pod_table table;
        struct pod_lookup lookup;
        struct pod_dirs wds;
        struct pod_entry *queue; /* borrowed; to be read, oldest first */
        size_t n_queue;
        struct pending pending;
        struct job job;        /* reads the queue */
        uv_timer_t delay;      /* until it begins: changes come in bursts */
        uint64_t delayed;      /* when it was set first (uv_now) */
        uv_timer_t lock_timer; /* pod_lock.c's */
        uv_timer_t coarse;     /* reads anew what cannot be watched */
        unsigned handles;
        struct pod_suspect *suspects; /* owned */
        size_t n_suspects;
        bool again;  /* pods/ or one of the six is another one: scan */
        bool absent; /* there is no directory, so there are no pods */
        bool failed; /* the directories cannot be read: */
        struct err error;
        bool deaf;       /* not all directories are watched */
        bool starved;    /* no descriptor was left to read with */
        bool warned;     /* about either */
        size_t evict_at; /* of the table: where the search for watches goes on */
        size_t fds_max;  /* that may be kept */
        size_t n_blind;
        nsec scan_began;      /* 0: none runs */
        uint64_t scan_number; /* of the last work that is part of it */
        uint64_t generation;
        struct grpc_blob *lists[2];    /* owned; [detail]; NULL: not made */
        uint64_t lists_used;           /* times a list was handed out */
        uint64_t lists_seen;           /* the same when the timer was last there */
        uv_timer_t lists_timer;        /* forgets lists nobody asks for */
        struct pod_follower *follower; /* borrowed; NULL: none */
        bool hurry;                    /* somebody waits for news, */
        bool news;                     /* and something that may be news is in the queue */
        struct pod_index_stats stats;
};

/* --- pod_index.c */

/* It is to be read (again). @p's job begins a moment later, or now when somebody waits. */
void pod_index_touch(struct pod_index *p, struct pod_entry *entry);
/* The same, and there may be something to tell of it: whoever waits for news wants it read at once. */
void pod_index_touch_news(struct pod_index *p, struct pod_entry *entry);
struct pod_entry *pod_index_entry(struct pod_index *p, const char *uuid); /* made if need be */
/* The directories to read from. *ret_starved: no descriptor was left to open them with. */
bool pod_index_open_store(const struct pod_index *p, struct pod_store *ret, bool *ret_starved);
/* What is known of it now: @record is taken over; NULL: it is gone, and @entry freed. The only place where that changes. */
void pod_index_put(struct pod_index *p, struct pod_entry *entry, struct pod_record *record);
void pod_index_wake(struct pod_index *p);

struct pod_record *pod_record_free(struct pod_record *r);
/* For one of the follower's functions. */
struct pod_sight pod_index_sight(struct pod_entry *entry, int data_fd);

/* --- pod_scan.c */

void pod_scan_init(struct pod_index *p);
/* The part's function. */
void pod_scan_attach(struct index_part *part, int data_fd, const struct err *why);
void pod_scan_done(struct pod_index *p);
/* Scan once more if one of the directories is another one by now. */
void pod_scan_again(struct pod_index *p);

/* --- pod_read.c */

/*
 * Read one entry. False: it could not even be tried (no descriptor left), and is pending as before. The entry may be gone
 * afterwards.
 */
bool pod_read(struct pod_index *p, struct pod_store *s, struct pod_entry *entry);

/* --- pod_files.c */

void pod_files_init(struct pod_index *p);
/* Watch the files of the pod @fd, before they are read. */
void pod_files_watch(struct pod_index *p, struct pod_entry *entry, int fd);
void pod_files_forget(struct pod_index *p, struct pod_entry *entry);
/* Take all watches from one pod that does not run. False: there is none. */
bool pod_files_evict(struct pod_index *p);
/* See to it that what cannot be followed is read anew every now and then. */
void pod_files_arrange(struct pod_index *p);
/* Is it one of those for whom watches are taken from others? */
bool pod_entry_is_live(const struct pod_entry *entry);

/* --- pod_lock.c */

void pod_lock_opened(struct pod_index *p, struct pod_entry *entry);
void pod_lock_closed(struct pod_index *p, struct pod_entry *entry);
/*
 * Whether the pod behind @handle is locked now, asked of the kernel where it may have changed; entry->lock says it
 * afterwards. -errno: cannot be told.
 */
int pod_lock_ask(struct pod_index *p, struct pod_entry *entry, int handle);
/* Ask all who may have changed, right now. */
void pod_lock_ask_suspects(struct pod_index *p);
/* Follow the init of a running pod. */
void pod_lock_follow(struct pod_index *p, struct pod_entry *entry, pid_t pid);
/* Nothing of its lock matters any more: descriptors and all are let go. */
void pod_lock_forget(struct pod_index *p, struct pod_entry *entry);
void pod_lock_timer(uv_timer_t *timer);
/* New suspects whose visitor has left already are none. */
void pod_lock_drained(struct pod_index *p);
