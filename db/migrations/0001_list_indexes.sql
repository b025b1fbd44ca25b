CREATE INDEX "clients_newest" ON "clients" USING btree ("created_at","id");--> statement-breakpoint
CREATE INDEX "threads_newest" ON "threads" USING btree ("created_at","id");