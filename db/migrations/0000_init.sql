CREATE TABLE "channels" (
	"id" uuid PRIMARY KEY NOT NULL,
	"type" text NOT NULL,
	"provider" text NOT NULL,
	"name" text NOT NULL,
	"enabled" boolean DEFAULT true NOT NULL,
	"config" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"credentials" "bytea",
	"credentials_key" "bytea",
	"policy" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"paused_reason" text,
	"paused_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "channels_type" CHECK (type in ('email', 'whatsapp', 'viber', 'telegram_account', 'telegram_bot', 'webchat', 'mobile_app', 'sms', 'apple_messages'))
);
--> statement-breakpoint
CREATE TABLE "template_versions" (
	"template_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"subject" text,
	"header" text,
	"body" text NOT NULL,
	"footer" text,
	"variables" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"text_only" boolean DEFAULT true NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "template_versions_template_id_version_pk" PRIMARY KEY("template_id","version")
);
--> statement-breakpoint
CREATE TABLE "templates" (
	"id" uuid PRIMARY KEY NOT NULL,
	"channel_id" uuid,
	"origin" text NOT NULL,
	"name" text NOT NULL,
	"language" text NOT NULL,
	"status" text NOT NULL,
	"current_version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "templates_origin" CHECK (origin in ('registered', 'own')),
	CONSTRAINT "templates_status" CHECK (status in ('approved', 'pending', 'rejected', 'paused'))
);
--> statement-breakpoint
CREATE TABLE "attempt_external_ids" (
	"channel_id" uuid NOT NULL,
	"external_id" text NOT NULL,
	"attempt_id" uuid NOT NULL,
	CONSTRAINT "attempt_external_ids_channel_id_external_id_pk" PRIMARY KEY("channel_id","external_id")
);
--> statement-breakpoint
CREATE TABLE "attempt_recipients" (
	"attempt_id" uuid NOT NULL,
	"position" integer NOT NULL,
	"role" text NOT NULL,
	"address" text NOT NULL,
	"status" text NOT NULL,
	"failure" jsonb,
	CONSTRAINT "attempt_recipients_attempt_id_position_pk" PRIMARY KEY("attempt_id","position")
);
--> statement-breakpoint
CREATE TABLE "attempts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"dispatch_id" uuid NOT NULL,
	"attempt_no" integer NOT NULL,
	"state" text NOT NULL,
	"generation" integer NOT NULL,
	"revision" integer NOT NULL,
	"channel_id" uuid,
	"contact_point_id" uuid,
	"verdict" jsonb,
	"send_deadline_at" timestamp with time zone,
	"external_ids" text[] DEFAULT '{}' NOT NULL,
	"failure" jsonb,
	"reason" text,
	"repeats_attempt_id" uuid,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp with time zone,
	CONSTRAINT "attempts_token" UNIQUE("dispatch_id","attempt_no"),
	CONSTRAINT "attempts_state" CHECK (state in ('sending', 'accepted', 'refused_temporary', 'refused_permanent', 'in_doubt', 'superseded', 'reconciled_sent', 'reconciled_not_sent', 'resent_possible_duplicate', 'parked'))
);
--> statement-breakpoint
CREATE TABLE "dispatch_revisions" (
	"dispatch_id" uuid NOT NULL,
	"revision" integer NOT NULL,
	"channel_id" uuid,
	"contact_point_id" uuid,
	"recipient_policy" text NOT NULL,
	"content" jsonb NOT NULL,
	"template_version" integer,
	"disposition" jsonb,
	"tag_ids" text[] DEFAULT '{}' NOT NULL,
	"rendered" jsonb,
	"rendered_sha256" text,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "dispatch_revisions_dispatch_id_revision_pk" PRIMARY KEY("dispatch_id","revision")
);
--> statement-breakpoint
CREATE TABLE "dispatches" (
	"id" uuid PRIMARY KEY NOT NULL,
	"client_id" uuid NOT NULL,
	"sender_id" text NOT NULL,
	"sender_role" text NOT NULL,
	"submitted_by" text NOT NULL,
	"parks" boolean NOT NULL,
	"state" text DEFAULT 'accepted' NOT NULL,
	"waiting_for" text,
	"waiting_since" timestamp with time zone,
	"due_at" timestamp with time zone,
	"end_reason" text,
	"ended_at" timestamp with time zone,
	"deadlines" jsonb NOT NULL,
	"revision" integer DEFAULT 1 NOT NULL,
	"verdict" jsonb,
	"channel_id" uuid,
	"contact_point_id" uuid,
	"thread_id" uuid,
	"message_status" text DEFAULT 'queued' NOT NULL,
	"in_doubt" boolean DEFAULT false NOT NULL,
	"possible_duplicate" boolean DEFAULT false NOT NULL,
	"disposition_status" text DEFAULT 'pending' NOT NULL,
	"disposition_reason" text,
	"send_epoch" integer NOT NULL,
	"run_id" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"reconciled_at" timestamp with time zone,
	CONSTRAINT "dispatches_state" CHECK (state in ('accepted', 'checking', 'awaiting_recipient', 'scheduled', 'rendering', 'sending', 'awaiting_decision', 'needs_template', 'outcome_unknown', 'disposing', 'awaiting_receipt', 'completed', 'rejected', 'cancelled', 'expired', 'failed')),
	CONSTRAINT "dispatches_waiting_for" CHECK (waiting_for in ('recipient', 'retry', 'decision', 'template', 'outcome', 'disposition', 'receipt')),
	CONSTRAINT "dispatches_message_status" CHECK (message_status in ('queued', 'wired', 'sent', 'failed', 'delivered', 'read'))
);
--> statement-breakpoint
CREATE TABLE "events" (
	"seq" bigserial PRIMARY KEY NOT NULL,
	"dispatch_id" uuid NOT NULL,
	"type" text NOT NULL,
	"data" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"principal" text NOT NULL,
	"key" text NOT NULL,
	"body_hash" text NOT NULL,
	"dispatch_id" uuid NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_keys_principal_key_pk" PRIMARY KEY("principal","key")
);
--> statement-breakpoint
CREATE TABLE "inbox" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"channel_id" uuid NOT NULL,
	"event_id" text NOT NULL,
	"kind" text NOT NULL,
	"event" jsonb NOT NULL,
	"received_at" timestamp with time zone DEFAULT now() NOT NULL,
	"applied_at" timestamp with time zone,
	"tries" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "inbox_event" UNIQUE("channel_id","event_id")
);
--> statement-breakpoint
CREATE TABLE "outbox" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"dispatch_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"payload" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"leased_until" timestamp with time zone DEFAULT now() NOT NULL,
	"tries" integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "receipts" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"channel_id" uuid NOT NULL,
	"external_id" text NOT NULL,
	"attempt_id" uuid,
	"status" text NOT NULL,
	"failure" jsonb,
	"reason" text,
	"at" timestamp with time zone NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "recipient_choices" (
	"dispatch_id" uuid NOT NULL,
	"revision" integer NOT NULL,
	"contact_point_id" uuid NOT NULL,
	"chosen_by" text NOT NULL,
	"chosen_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "recipient_choices_dispatch_id_revision_pk" PRIMARY KEY("dispatch_id","revision")
);
--> statement-breakpoint
CREATE TABLE "api_keys" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"prefix" text NOT NULL,
	"secret_hash" text NOT NULL,
	"staff_id" uuid,
	"scopes" text[] DEFAULT '{}' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "api_keys_prefix_unique" UNIQUE("prefix")
);
--> statement-breakpoint
CREATE TABLE "blocks" (
	"id" uuid PRIMARY KEY NOT NULL,
	"client_id" uuid NOT NULL,
	"channel_id" uuid,
	"contact_point_id" uuid,
	"origin" text NOT NULL,
	"reason" text,
	"created_by" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"lifted_at" timestamp with time zone,
	CONSTRAINT "blocks_origin" CHECK (origin in ('staff', 'provider'))
);
--> statement-breakpoint
CREATE TABLE "clients" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "contact_point_channels" (
	"contact_point_id" uuid NOT NULL,
	"channel_id" uuid NOT NULL,
	"last_inbound_at" timestamp with time zone,
	"last_inbound_to" text,
	"canonical_value" text,
	"undeliverable_reason" text,
	"undeliverable_at" timestamp with time zone,
	CONSTRAINT "contact_point_channels_contact_point_id_channel_id_pk" PRIMARY KEY("contact_point_id","channel_id")
);
--> statement-breakpoint
CREATE TABLE "contact_points" (
	"id" uuid PRIMARY KEY NOT NULL,
	"client_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"value" text NOT NULL,
	"address" text NOT NULL,
	"position" integer NOT NULL,
	"selected" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "contact_points_owner" UNIQUE("kind","value"),
	CONSTRAINT "contact_points_of_client" UNIQUE("client_id","id"),
	CONSTRAINT "contact_points_kind" CHECK (kind in ('phone', 'email', 'telegram_id', 'whatsapp_id', 'viber_id', 'apple_id', 'external_id', 'twitter_id'))
);
--> statement-breakpoint
CREATE TABLE "installation" (
	"id" integer PRIMARY KEY DEFAULT 1 NOT NULL,
	"send_epoch" integer DEFAULT 1 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "opt_outs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"client_id" uuid NOT NULL,
	"contact_point_id" uuid,
	"channel_type" text,
	"purpose" text DEFAULT 'all' NOT NULL,
	"origin" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"lifted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "settings" (
	"key" text PRIMARY KEY NOT NULL,
	"value" jsonb NOT NULL,
	"changed_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "staff" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"role" text NOT NULL,
	"presence" text DEFAULT 'active' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"archived_at" timestamp with time zone,
	CONSTRAINT "staff_role" CHECK (role in ('agent', 'supervisor', 'admin')),
	CONSTRAINT "staff_presence" CHECK (presence in ('active', 'out', 'active_finishing', 'break', 'offline'))
);
--> statement-breakpoint
CREATE TABLE "transfer_targets" (
	"type" text NOT NULL,
	"id" text NOT NULL,
	"name" text NOT NULL,
	"archived_at" timestamp with time zone,
	CONSTRAINT "transfer_targets_type_id_pk" PRIMARY KEY("type","id"),
	CONSTRAINT "transfer_targets_type" CHECK (type in ('employee', 'group', 'skill', 'bot', 'department'))
);
--> statement-breakpoint
CREATE TABLE "messages" (
	"id" uuid PRIMARY KEY NOT NULL,
	"thread_id" uuid NOT NULL,
	"direction" text NOT NULL,
	"dispatch_id" uuid,
	"author_id" text,
	"subject" text,
	"text" text NOT NULL,
	"bcc" text[] DEFAULT '{}' NOT NULL,
	"status" text NOT NULL,
	"failure_reason" text,
	"failure" jsonb,
	"external_id" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "messages_direction" CHECK (direction in ('inbound', 'outgoing')),
	CONSTRAINT "messages_status" CHECK (status in ('queued', 'wired', 'sent', 'failed', 'delivered', 'read'))
);
--> statement-breakpoint
CREATE TABLE "threads" (
	"id" uuid PRIMARY KEY NOT NULL,
	"client_id" uuid NOT NULL,
	"channel_id" uuid NOT NULL,
	"channel_type" text NOT NULL,
	"scope_key" text NOT NULL,
	"status" text NOT NULL,
	"origin" text NOT NULL,
	"assignee_id" text,
	"queue" jsonb,
	"minimised" boolean DEFAULT false NOT NULL,
	"transfer_comment" text,
	"claimed_by_dispatch_id" uuid,
	"client_wrote_at" timestamp with time zone,
	"tag_ids" text[] DEFAULT '{}' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"closed_at" timestamp with time zone,
	"closed_by" text,
	CONSTRAINT "threads_status" CHECK (status in ('active', 'waiting', 'closed')),
	CONSTRAINT "threads_origin" CHECK (origin in ('inbound', 'outbound'))
);
--> statement-breakpoint
ALTER TABLE "template_versions" ADD CONSTRAINT "template_versions_template_id_templates_id_fk" FOREIGN KEY ("template_id") REFERENCES "public"."templates"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "templates" ADD CONSTRAINT "templates_channel_id_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."channels"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "attempt_external_ids" ADD CONSTRAINT "attempt_external_ids_channel_id_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."channels"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "attempt_external_ids" ADD CONSTRAINT "attempt_external_ids_attempt_id_attempts_id_fk" FOREIGN KEY ("attempt_id") REFERENCES "public"."attempts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "attempt_recipients" ADD CONSTRAINT "attempt_recipients_attempt_id_attempts_id_fk" FOREIGN KEY ("attempt_id") REFERENCES "public"."attempts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "attempts" ADD CONSTRAINT "attempts_dispatch_id_dispatches_id_fk" FOREIGN KEY ("dispatch_id") REFERENCES "public"."dispatches"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "attempts" ADD CONSTRAINT "attempts_channel_id_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."channels"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "dispatch_revisions" ADD CONSTRAINT "dispatch_revisions_dispatch_id_dispatches_id_fk" FOREIGN KEY ("dispatch_id") REFERENCES "public"."dispatches"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "dispatch_revisions" ADD CONSTRAINT "dispatch_revisions_channel_id_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."channels"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "dispatches" ADD CONSTRAINT "dispatches_client_id_clients_id_fk" FOREIGN KEY ("client_id") REFERENCES "public"."clients"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "dispatches" ADD CONSTRAINT "dispatches_channel_id_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."channels"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "dispatches" ADD CONSTRAINT "dispatches_thread_id_threads_id_fk" FOREIGN KEY ("thread_id") REFERENCES "public"."threads"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "dispatches" ADD CONSTRAINT "dispatches_recipient" FOREIGN KEY ("client_id","contact_point_id") REFERENCES "public"."contact_points"("client_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "events" ADD CONSTRAINT "events_dispatch_id_dispatches_id_fk" FOREIGN KEY ("dispatch_id") REFERENCES "public"."dispatches"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inbox" ADD CONSTRAINT "inbox_channel_id_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."channels"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "outbox" ADD CONSTRAINT "outbox_dispatch_id_dispatches_id_fk" FOREIGN KEY ("dispatch_id") REFERENCES "public"."dispatches"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "receipts" ADD CONSTRAINT "receipts_channel_id_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."channels"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "receipts" ADD CONSTRAINT "receipts_attempt_id_attempts_id_fk" FOREIGN KEY ("attempt_id") REFERENCES "public"."attempts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "recipient_choices" ADD CONSTRAINT "recipient_choices_dispatch_id_dispatches_id_fk" FOREIGN KEY ("dispatch_id") REFERENCES "public"."dispatches"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_staff_id_staff_id_fk" FOREIGN KEY ("staff_id") REFERENCES "public"."staff"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "blocks" ADD CONSTRAINT "blocks_client_id_clients_id_fk" FOREIGN KEY ("client_id") REFERENCES "public"."clients"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "blocks" ADD CONSTRAINT "blocks_channel_id_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."channels"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "blocks" ADD CONSTRAINT "blocks_contact_point_id_contact_points_id_fk" FOREIGN KEY ("contact_point_id") REFERENCES "public"."contact_points"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "contact_point_channels" ADD CONSTRAINT "contact_point_channels_contact_point_id_contact_points_id_fk" FOREIGN KEY ("contact_point_id") REFERENCES "public"."contact_points"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "contact_point_channels" ADD CONSTRAINT "contact_point_channels_channel_id_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."channels"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "contact_points" ADD CONSTRAINT "contact_points_client_id_clients_id_fk" FOREIGN KEY ("client_id") REFERENCES "public"."clients"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "opt_outs" ADD CONSTRAINT "opt_outs_client_id_clients_id_fk" FOREIGN KEY ("client_id") REFERENCES "public"."clients"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "opt_outs" ADD CONSTRAINT "opt_outs_contact_point_id_contact_points_id_fk" FOREIGN KEY ("contact_point_id") REFERENCES "public"."contact_points"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "messages" ADD CONSTRAINT "messages_thread_id_threads_id_fk" FOREIGN KEY ("thread_id") REFERENCES "public"."threads"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "threads" ADD CONSTRAINT "threads_client_id_clients_id_fk" FOREIGN KEY ("client_id") REFERENCES "public"."clients"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "threads" ADD CONSTRAINT "threads_channel_id_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."channels"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "templates_name" ON "templates" USING btree (coalesce(channel_id::text, ''),"name","language");--> statement-breakpoint
CREATE INDEX "templates_channel" ON "templates" USING btree ("channel_id","status");--> statement-breakpoint
CREATE INDEX "attempts_open" ON "attempts" USING btree ("send_deadline_at") WHERE state = 'sending';--> statement-breakpoint
CREATE INDEX "dispatches_newest" ON "dispatches" USING btree ("created_at","id");--> statement-breakpoint
CREATE INDEX "dispatches_client" ON "dispatches" USING btree ("client_id","created_at");--> statement-breakpoint
CREATE INDEX "dispatches_thread" ON "dispatches" USING btree ("thread_id");--> statement-breakpoint
CREATE INDEX "dispatches_waiting" ON "dispatches" USING btree ("waiting_for","waiting_since") WHERE waiting_for is not null;--> statement-breakpoint
CREATE INDEX "dispatches_open" ON "dispatches" USING btree ("reconciled_at") WHERE ended_at is null;--> statement-breakpoint
CREATE INDEX "events_dispatch" ON "events" USING btree ("dispatch_id","seq");--> statement-breakpoint
CREATE INDEX "inbox_unapplied" ON "inbox" USING btree ("received_at") WHERE applied_at is null;--> statement-breakpoint
CREATE INDEX "outbox_due" ON "outbox" USING btree ("leased_until");--> statement-breakpoint
CREATE UNIQUE INDEX "outbox_one_start" ON "outbox" USING btree ("dispatch_id") WHERE kind = 'start';--> statement-breakpoint
CREATE INDEX "receipts_attempt" ON "receipts" USING btree ("attempt_id");--> statement-breakpoint
CREATE INDEX "receipts_unmatched" ON "receipts" USING btree ("channel_id","external_id") WHERE attempt_id is null;--> statement-breakpoint
CREATE UNIQUE INDEX "blocks_in_force" ON "blocks" USING btree ("client_id",coalesce(channel_id::text, ''),coalesce(contact_point_id::text, '')) WHERE lifted_at is null;--> statement-breakpoint
CREATE UNIQUE INDEX "contact_point_channels_canonical" ON "contact_point_channels" USING btree ("channel_id","canonical_value");--> statement-breakpoint
CREATE INDEX "contact_points_client" ON "contact_points" USING btree ("client_id","position");--> statement-breakpoint
CREATE UNIQUE INDEX "opt_outs_in_force" ON "opt_outs" USING btree ("client_id",coalesce(contact_point_id::text, ''),coalesce(channel_type, ''),"purpose") WHERE lifted_at is null;--> statement-breakpoint
CREATE INDEX "messages_thread" ON "messages" USING btree ("thread_id","created_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "messages_dispatch" ON "messages" USING btree ("dispatch_id") WHERE dispatch_id is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "threads_one_open" ON "threads" USING btree ("scope_key") WHERE status <> 'closed';--> statement-breakpoint
CREATE INDEX "threads_client" ON "threads" USING btree ("client_id","created_at");