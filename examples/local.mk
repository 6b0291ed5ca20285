# Repositories to try, read, and test with. `larder init` copies an installed one.

nobase_dist_pkgdata_DATA = \
	%D%/flights/.larderignore \
	%D%/flights/README.md \
	%D%/flights/data/.gitkeep \
	%D%/flights/delays.test.yaml \
	%D%/flights/feature_store.yaml \
	%D%/flights/features.yaml \
	%D%/flights/flights.csv \
	%D%/flights/make_spine.py \
	%D%/flights/spine.csv \
	%D%/flights/tour

examplesdir = $(pkgdatadir)/examples
nobase_dist_examples_DATA = \
	feature_repo/.larderignore \
	feature_repo/README.md \
	feature_repo/data/generate.py \
	feature_repo/data/hcp_activity.csv \
	feature_repo/data/market_metrics.csv \
	feature_repo/data/patient_journeys.csv \
	feature_repo/data/spine.csv \
	feature_repo/data/trigger_responses.csv \
	feature_repo/data_sources.yaml \
	feature_repo/entities.yaml \
	feature_repo/feature_store.prod.yaml \
	feature_repo/feature_store.yaml \
	feature_repo/features/hcp.test.yaml \
	feature_repo/features/hcp.yaml \
	feature_repo/features/market.yaml \
	feature_repo/features/patient.yaml \
	feature_repo/features/trigger.yaml \
	feature_repo/services.yaml

# A unit to copy to /etc/systemd/system.
systemddir = $(pkgdatadir)/systemd
dist_systemd_DATA = %D%/systemd/larder-serve.service
