/* server/cli/commands/commands.h -- the commands of googlenetd, one file each; main.c has their
 * table.
 *
 * A command gets its own name as argv[0] and returns the exit code.
 */
#pragma once

int cmd_serve(int argc, char **argv);
int cmd_health(int argc, char **argv);
int cmd_submit(int argc, char **argv);
int cmd_train(int argc, char **argv);
int cmd_evaluate(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_predict(int argc, char **argv);
int cmd_summary(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_dataset(int argc, char **argv);
int cmd_dataset_verify(int argc, char **argv);  // `dataset verify`: argv[0] is "verify"
int cmd_decode_pictures(int argc, char **argv);
int cmd_rank(int argc, char **argv);
int cmd_guard_ranks(int argc, char **argv);
